// The codecs: the C core (include/splitwire.h) as WebAssembly, and memory for it. See docs/c.md.

const ALIGNED = 16, PAGE = 1 << 16, ENCODE = 1;
const INFO = { bytes: 308, rank: 256, shape: 260, elements: 292, digest: 300 }; // sw_info, in 32 bits

/** What a codec learnt, opened; its digest in hexadecimal. @typedef {{ at: number, digest: string }} Profile */

/** An error of the core; `code` is one of include/splitwire.h. */
export class CodecError extends Error {
  /** @param {number} code @param {string} words */
  constructor(code, words) {
    super(words);
    this.code = code;
  }
}

/** Encodes and decodes tensors: the codecs `raw`, `rans`, `ecsq` and `ftc`. */
export class Core {
  /** @type {any} */ #core;
  /** @type {WebAssembly.Memory} */ #memory;
  #kept; // what profiles take lies below
  #at;

  /** @param {WebAssembly.Instance} instance */
  constructor(instance) {
    this.#core = instance.exports;
    this.#memory = this.#core.memory;
    this.#kept = this.#at = this.#core.__heap_base.value;
  }

  /** The core in the bytes of splitwire.wasm. @param {BufferSource} bytes */
  static async load(bytes) {
    return new Core((await WebAssembly.instantiate(bytes)).instance);
  }

  /** Open a profile from the bytes of its file; it stays for as long as the core.
   * @param {Uint8Array} file @returns {Profile} */
  openProfile(file) {
    this.#at = this.#kept;
    const room = this.#core.sw_profile_room(this.#put(file), file.length, ENCODE) >>> 0;
    this.#at = this.#kept;
    const arena = this.#arena(room), made = this.#take(4), info = this.#take(INFO.bytes);
    const kept = this.#at;
    this.#check(this.#core.sw_profile_open(arena, this.#put(file), file.length, ENCODE, made));
    this.#kept = kept;
    const at = this.#number(made);
    this.#core.sw_profile_info(at, info);
    return { at, digest: hexadecimal(this.#bytes(info + INFO.digest, 8)) };
  }

  /** The stream of a tensor, by the codec of a spec, as in "ftc:quality=50".
   * @param {string} spec @param {Profile | null} profile
   * @param {Float32Array} x in C order @param {readonly number[]} shape */
  encode(spec, profile, x, shape) {
    this.#at = this.#kept;
    const arena = this.#arena(this.#core.sw_room(x.length) >>> 0), most = this.#core.sw_most_bytes(x.length) >>> 0;
    const words = this.#put(new TextEncoder().encode(`${spec}\0`)), numbers = this.#put(bytesOf(x));
    const sides = this.#put(bytesOf(Uint32Array.from(shape))), stream = this.#take(most), length = this.#take(4);
    const opened = profile?.at ?? 0;
    this.#check(this.#core.sw_encode(arena, words, opened, numbers, shape.length, sides, stream, most, length));
    return this.#bytes(stream, this.#number(length)).slice();
  }

  /** The tensor of a stream. @param {Profile | null} profile @param {Uint8Array} stream */
  decode(profile, stream) {
    this.#at = this.#kept;
    const there = this.#put(stream), info = this.#take(INFO.bytes);
    this.#check(this.#core.sw_stream_info(there, stream.length, info));
    const elements = this.#number(info + INFO.elements), rank = this.#number(info + INFO.rank);
    const shape = Array.from({ length: rank }, (_, side) => this.#number(info + INFO.shape + 4 * side));
    const arena = this.#arena(this.#core.sw_room(elements) >>> 0), y = this.#take(4 * elements);
    this.#check(this.#core.sw_decode(arena, profile?.at ?? 0, there, stream.length, y, elements));
    return { data: new Float32Array(this.#bytes(y, 4 * elements).slice().buffer), shape };
  }

  /** Room for so many bytes. @param {number} count */
  #take(count) {
    const at = Math.ceil(this.#at / ALIGNED) * ALIGNED;
    this.#at = at + count;
    const missing = this.#at - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE));
    return at;
  }

  /** @param {Uint8Array} bytes */
  #put(bytes) {
    const at = this.#take(bytes.length);
    this.#bytes(at, bytes.length).set(bytes);
    return at;
  }

  /** An sw_arena of so many bytes. @param {number} room */
  #arena(room) {
    return this.#put(bytesOf(Uint32Array.of(this.#take(room), room, 0)));
  }

  /** @param {number} at @param {number} count */
  #bytes(at, count) {
    return new Uint8Array(this.#memory.buffer, at, count);
  }

  /** @param {number} at */
  #number(at) {
    return new DataView(this.#memory.buffer).getUint32(at, true);
  }

  /** @param {number} code */
  #check(code) {
    if (!code) return;
    const at = this.#core.sw_error(code) >>> 0, all = new Uint8Array(this.#memory.buffer);
    throw new CodecError(code, new TextDecoder().decode(all.slice(at, all.indexOf(0, at))));
  }
}

/** @param {Float32Array | Uint32Array} numbers */
function bytesOf(numbers) {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/** Bytes in hexadecimal. @param {Uint8Array} bytes */
export function hexadecimal(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
