// What npm's package holds beside what lies here: the C core as WebAssembly, the page's own client, types.

import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const run = (command, ...words) => execFileSync(command, words, { stdio: "inherit", cwd: here(".") });

run(process.env.PYTHON ?? "python3", here("../tools/build_wasm.py"), "splitwire.wasm");
copyFileSync(here("../splitwire/live/page/connection.js"), here("connection.js"));
run(process.execPath, here("node_modules/typescript/bin/tsc"));
