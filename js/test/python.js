// Python's side: the references, made once for all tests, and a cloud.

import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PYTHON = process.env.PYTHON ?? "python3", SCRIPT = fileURLToPath(new URL("reference.py", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const environment = { ...process.env, PYTHONPATH: ROOT };

/** The folder of references, made once for a run of tests, or before it where the environment names one. */
export function references() {
  const folder = process.env.SPLITWIRE_REFERENCES ?? join(tmpdir(), `splitwire-${process.ppid}`); // both files' parent
  if (!existsSync(join(folder, "index.json"))) python("write", folder);
  return folder;
}

/** @param {...string} words */
export function python(...words) {
  execFileSync(PYTHON, [SCRIPT, ...words], { stdio: "inherit", env: environment });
}

/** A cloud on loopback: its address, and what ends it. @param {...string} options */
export async function cloud(...options) {
  const words = ["-m", "splitwire", "cloud", "--port", "0", "--model", "lite0", ...options];
  const child = spawn(PYTHON, words, { stdio: ["ignore", "ignore", "pipe"], env: environment });
  const lines = createInterface({ input: child.stderr });
  for await (const line of lines) {
    if (!line.startsWith("{")) throw new Error(line);
    const { event, address } = JSON.parse(line);
    if (event === "listening") {
      child.stderr.resume();
      return { address, end: () => new Promise((done) => { child.once("exit", done); child.kill(); }) };
    }
  }
  throw new Error("the cloud did not start");
}
