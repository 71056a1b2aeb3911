import { readFile } from "node:fs/promises";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import * as runtime from "onnxruntime-web";
import { WebSocket } from "ws";

import assert from "./assert.js";
import * as checks from "./checks.js";
import { cloud, python, references } from "./python.js";
import { Bundle, Connection, Core, Edge, FrameError } from "../index.js";

const folder = references();
const read = async (/** @type {string} */ name) => new Uint8Array(await readFile(join(folder, name)));
/** @type {Core} */ let core;

Object.assign(globalThis, { WebSocket: globalThis.WebSocket ?? WebSocket });
before(async () => { core = await Core.load(await readFile(new URL("../splitwire.wasm", import.meta.url))); });

/** Python decodes what was written here to the same bits. @param {any[]} made */
function readBack(made) {
  for (const { name, stream, data } of made) {
    writeFileSync(join(folder, "made", `${name}.sw`), stream);
    writeFileSync(join(folder, "made", `${name}.f32`), data);
  }
  python("read", folder);
}

/** What a promise fails with. @param {Promise<any>} promise @returns {Promise<Error>} */
function failing(promise) {
  return promise.then(() => { throw new Error("it should have failed"); }, (error) => error);
}

test("golden streams decode to the same bits", () => checks.golden(core, read));
test("streams of Python decode here, and those of here in Python", async () => readBack(await checks.streams(core, read)));
test("damage is an error", () => checks.damage(core, read));
test("pictures are Pillow's to the bit", () => checks.pictures(read));
test("the edge of a bundle is Python's", async () => readBack(await checks.edge(core, runtime, read)));

test("a file that is not the one exported is refused", async () => {
  const bundle = await Bundle.open(async (name) => {
    const bytes = await read(`bundle/${name}`);
    if (name === "edge.onnx") bytes[1000] ^= 1;
    return bytes;
  });
  const { message } = await failing(bundle.file("edge.onnx"));
  assert(/SHA-256/.test(message), message);
});

test("a cloud", async (context) => {
  const { address, end } = await cloud();
  after(end);
  const bundle = await Bundle.open((name) => read(`bundle/${name}`)), edge = await Edge.open(bundle, core, runtime);
  const { photos } = await checks.index(read), [first] = photos;
  const packet = edge.encode(await edge.start(edge.picture({ ...first, data: await read(`${first.name}.rgba`) })));

  await context.test("answers with the class that Python sees", async () => {
    const connection = await Connection.open(address, edge.hello, undefined, edge.tensors);
    const answers = await Promise.all(Array.from({ length: 20 }, () => connection.ask(packet))); // more than it reads ahead
    for (const { prediction, away, held } of answers) {
      assert(prediction.classes[0] === first.best && held <= away + 2, JSON.stringify(prediction));
    }
    connection.close();
    await connection.ended;
    assert(!connection.open, "open still");
  });
  await context.test("refuses a packet that is damaged, and answers the next", async () => {
    const connection = await Connection.open(address, edge.hello);
    const broken = packet.slice();
    broken[40] ^= 1;
    const damaged = await failing(connection.ask(broken));
    assert(damaged instanceof FrameError && damaged.code === 1, String(damaged));
    const { message } = await failing(connection.ask(new Uint8Array(connection.welcome.max_message)));
    assert(/at most/.test(message), message);
    assert((await connection.ask(packet)).prediction.classes[0] === first.best, "another class");
    connection.close();
  });
  await context.test("refuses what it does not hold", async () => {
    const { message } = await failing(Connection.open(address, { ...edge.hello, digest: "0".repeat(16) }));
    assert(/other weights/.test(message), message);
  });
});
