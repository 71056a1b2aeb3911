// One half of a network, run by ONNX Runtime Web.

/** @typedef {import("./runtime.js").Runtime} Runtime */

let last = /** @type {Promise<unknown>} */ (Promise.resolve());

/** Once what was asked for before is done: the build for WebGPU breaks where one half opens while another runs.
 * @template T @param {() => Promise<T>} call @returns {Promise<T>} */
function inTurn(call) {
  const done = last.then(call);
  last = done.catch(() => {});
  return done;
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
    const session = await inTurn(() => runtime.InferenceSession.create(file, { executionProviders: on }));
    return new Half(runtime, session, taken, given);
  }

  /** What it gives for what it takes, in order. @param {readonly Float32Array[]} arrays */
  async run(arrays) {
    const { Tensor } = this.#runtime;
    const taken = this.#taken.map(({ name, shape }, at) => [name, new Tensor("float32", arrays[at], shape)]);
    const found = await inTurn(() => this.#session.run(Object.fromEntries(taken)));
    return Promise.all(this.#given.map(async ({ name }) => /** @type {Float32Array} */ (await found[name].getData())));
  }
}
