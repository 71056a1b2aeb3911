// One half of a network, run by ONNX Runtime Web.

/** The module of onnxruntime-web that a page or a programme imported: its "wasm" build, or "webgpu".
 * @typedef {Pick<typeof import("onnxruntime-web"), "InferenceSession" | "Tensor" | "env">} Runtime */

/** Where a half is to run: on WebGPU where there is one and the runtime knows it, and else in WebAssembly. */
export async function providers() {
  const gpu = /** @type {any} */ (globalThis.navigator)?.gpu;
  return (await gpu?.requestAdapter().catch(() => null)) ? ["webgpu", "wasm"] : ["wasm"];
}

export class Half {
  /** @type {Runtime} */ #runtime;
  /** @type {import("onnxruntime-web").InferenceSession} */ #session;
  /** @type {import("./bundle.js").Tensor[]} */ #taken;
  /** @type {import("./bundle.js").Tensor[]} */ #given;

  /** @param {Runtime} runtime @param {import("onnxruntime-web").InferenceSession} session
   * @param {import("./bundle.js").Tensor[]} taken @param {import("./bundle.js").Tensor[]} given */
  constructor(runtime, session, taken, given) {
    this.#runtime = runtime;
    this.#session = session;
    this.#taken = taken;
    this.#given = given;
  }

  /** The half in the bytes of an ONNX file. @param {Runtime} runtime @param {Uint8Array} file
   * @param {import("./bundle.js").Tensor[]} taken @param {import("./bundle.js").Tensor[]} given
   * @param {string[]} on providers of execution, the best first */
  static async open(runtime, file, taken, given, on = ["wasm"]) {
    const other = [...taken, ...given].find(({ dtype }) => dtype !== "float32");
    if (other) throw new Error(`${other.name} is of ${other.dtype}, and only float32 is known here`);
    const session = await runtime.InferenceSession.create(file, { executionProviders: on });
    return new Half(runtime, session, taken, given);
  }

  /** What it gives for what it takes, in order. @param {readonly Float32Array[]} arrays */
  async run(arrays) {
    const { Tensor } = this.#runtime;
    const taken = this.#taken.map(({ name, shape }, at) => [name, new Tensor("float32", arrays[at], shape)]);
    const found = await this.#session.run(Object.fromEntries(taken));
    return Promise.all(this.#given.map(async ({ name }) => /** @type {Float32Array} */ (await found[name].getData())));
  }
}
