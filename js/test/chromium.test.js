// The same in Debian's Chromium, without a screen.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { python, references } from "./python.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url)), folder = references();
/** @type {Record<string, string>} */
const KINDS = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };
const FLAGS = ["--no-sandbox", "--enable-unsafe-webgpu"]; // which SwiftShader plays on the processor
/** @type {import("playwright-core").Page} */ let page;
/** @type {import("playwright-core").Browser} */ let browser;
/** @type {import("node:http").Server} */ let server;

before(async () => {
  server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://here").pathname;
    if (path === "/") return response.setHeader("content-type", "text/html").end("<!doctype html>");
    const at = path.startsWith("/references/") ? join(folder, path.slice(12)) : join(ROOT, path);
    const body = await readFile(at).catch(() => null);
    response.writeHead(body ? 200 : 404, { "content-type": KINDS[extname(at)] ?? "application/octet-stream" }).end(body);
    return undefined;
  });
  await new Promise((/** @type {(_?: any) => void} */ listening) => server.listen(0, "127.0.0.1", listening));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  page = await browser.newPage();
  page.setDefaultTimeout(120000);
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await page.goto(`http://127.0.0.1:${port}/`);
});

after(async () => {
  await browser?.close();
  server.close();
});

/** Run a check in the page; what it wrote goes to Python. @param {string} name @param {string[]} on */
async function inPage(name, on = ["wasm"]) {
  const made = await page.evaluate(async ([check, on]) => {
    const from = (/** @type {string} */ path) => import(new URL(path, location.href).href);
    const checks = await from("test/checks.js"), { Core, loadRuntime } = await from("index.js");
    const dist = new URL("node_modules/onnxruntime-web/dist/", location.href).href;
    const runtime = await loadRuntime((/** @type {string} */ file) => dist + file, on);
    const read = async (/** @type {string} */ file) => new Uint8Array(await (await fetch(`references/${file}`)).arrayBuffer());
    const core = await Core.load(await (await fetch("splitwire.wasm")).arrayBuffer());
    const given = { pictures: [read], edge: [core, runtime, read, on] }[check] ?? [core, read];
    const found = await checks[check](...given);
    const text = (/** @type {Uint8Array} */ bytes) => Array.from(bytes);
    return Array.isArray(found) ? found.map((one) => ({ ...one, stream: text(one.stream), data: text(one.data) })) : [];
  }, /** @type {const} */ ([name, on]));
  for (const { name: of, stream, data } of made) {
    writeFileSync(join(folder, "made", `${of}.sw`), Uint8Array.from(stream));
    writeFileSync(join(folder, "made", `${of}.f32`), Uint8Array.from(data));
  }
  if (made.length) python("read", folder);
}

test("golden streams decode to the same bits", () => inPage("golden"));
test("streams of Python decode here, and those of here in Python", () => inPage("streams"));
test("damage is an error", () => inPage("damage"));
test("pictures are Pillow's to the bit", () => inPage("pictures"));
test("the edge of a bundle is Python's", () => inPage("edge"));
test("and so it is on WebGPU", () => inPage("edge", ["webgpu"]));
test("WebGPU that the processor plays is not taken unasked", async () => {
  const on = await page.evaluate(async () => (await import(new URL("index.js", location.href).href)).providers());
  assert.deepEqual(on, ["wasm"]);
});
