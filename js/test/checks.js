// What must hold in Node as in a browser: each check takes the core, and what reads a file of reference.py's.

import assert from "./assert.js";
import { Bundle, Core, Edge, Local, preprocess } from "../index.js";

/** @typedef {(name: string) => Promise<Uint8Array<ArrayBuffer>>} Read */

const floats = (/** @type {Uint8Array} */ bytes) => new Float32Array(bytes.slice().buffer);
const bytes = (/** @type {Float32Array} */ numbers) => new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);

/** @param {Read} read */
export async function index(read) {
  return JSON.parse(new TextDecoder().decode(await read("index.json")));
}

/** Golden streams decode to Python's bits. @param {Core} core @param {Read} read */
export async function golden(core, read) {
  const { golden: all } = await index(read);
  for (const { name, profile } of all) {
    const opened = profile ? core.openProfile(await read(profile)) : null;
    const { data } = core.decode(opened, await read(`${name}.sw`));
    assert(same(bytes(data), await read(`${name}.f32`)), name);
  }
  return all.length;
}

/** Python's streams decode to Python's bits; of the same tensors come the same streams, but for the signs of zeros that
 * `ftc` may round otherwise. Gives what was written. @param {Core} core @param {Read} read */
export async function streams(core, read) {
  const { cases } = await index(read), made = [];
  for (const { name, spec, shape, profile } of cases) {
    const opened = profile ? core.openProfile(await read(profile)) : null, theirs = await read(`${name}.sw`);
    assert(same(bytes(core.decode(opened, theirs).data), await read(`${name}.f32`)), name);
    const stream = core.encode(spec, opened, floats(await read(`${name}.x`)), shape);
    assert(same(stream, theirs) || spec.startsWith("ftc"), `${name}, ${spec}: another stream`);
    made.push({ name, stream, data: bytes(core.decode(opened, stream).data) });
  }
  return made;
}

/** Pictures are Pillow's to the bit. @param {Read} read */
export async function pictures(read) {
  const { pictures: all, photos } = await index(read);
  for (const { name, width, height, steps } of [...all, ...photos]) {
    const found = preprocess({ data: await read(`${name}.rgba`), width, height }, steps);
    assert(same(bytes(found), await read(`${name}.f32`)), `${name}: ${JSON.stringify(steps[1])}`);
  }
  return all.length + photos.length;
}

/** The edge of a bundle says of photos what Python's edge says: features, packets, and the second half's word.
 * @param {Core} core @param {any} runtime of ONNX @param {Read} read @param {string[]} [on] */
export async function edge(core, runtime, read, on) {
  const { photos } = await index(read), bundle = await Bundle.open((name) => read(`bundle/${name}`));
  const here = await Edge.open(bundle, core, runtime, on), local = await Local.open(bundle, runtime, on);
  const profile = core.openProfile(await bundle.file(bundle.manifest.crossings[0].profile ?? "")), made = [];
  for (const { name, width, height, best } of photos) {
    const features = await here.start(here.picture({ data: await read(`${name}.rgba`), width, height }));
    const wanted = floats(await read(`${name}.features`)), theirs = await read(`${name}.sw`);
    const far = features[0].reduce((most, x, at) => Math.max(most, Math.abs(x - wanted[at])), 0);
    assert(far < 1e-3, `${name}: features ${far} apart`);
    const stream = here.encode(features);
    assert(Math.abs(stream.length / theirs.length - 1) < 0.03, `${name}: ${stream.length} bytes, not ${theirs.length}`);
    assert((await local.predict(features)).classes[0] === best, `${name}: another class`);
    made.push({ name, stream, data: bytes(core.decode(profile, stream).data), theirs: theirs.length, far });
  }
  return made;
}

/** Damage is an error, and no more; and the core goes on. @param {Core} core @param {Read} read */
export async function damage(core, read) {
  const stream = await read("rans.sw");
  const { data } = core.decode(null, stream);
  for (let at = 0; at < stream.length; at += 7) {
    const other = stream.slice();
    other[at] ^= 1 << at % 8;
    try { core.decode(null, other); assert(false, `byte ${at}`); } catch (error) {
      assert(/** @type {any} */ (error).code > 0, String(error));
    }
  }
  assert(same(bytes(core.decode(null, stream).data), bytes(data)), "after damage");
}

/** @param {Uint8Array} one @param {Uint8Array} other */
function same(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
