// ONNX Runtime Web: which of its builds, and where a half is to run.

/** The module of onnxruntime-web that a page or a programme imported: its "wasm" build, or "webgpu".
 * @typedef {Pick<typeof import("onnxruntime-web"), "InferenceSession" | "Tensor" | "env">} Runtime */

/** What this device can run a half on: on WebGPU where there is one, and in WebAssembly. A WebGPU that the processor
 * only plays is many times slower than WebAssembly, and left out. */
export async function providers() {
  const gpu = /** @type {any} */ (globalThis.navigator)?.gpu;
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return adapter && !adapter.info?.isFallbackAdapter ? ["webgpu", "wasm"] : ["wasm"];
}

/** The build that runs on these providers, on one thread. The one that knows WebGPU is nearly twice as large, and is
 * loaded for it alone. @param {(name: string) => string} from the address of a file of onnxruntime-web's `dist`
 * @param {readonly string[]} on @returns {Promise<Runtime>} */
export async function loadRuntime(from, on) {
  const gpu = on.includes("webgpu");
  const runtime = await import(from(`ort.${gpu ? "webgpu" : "wasm"}.bundle.min.mjs`));
  const wasm = from(`ort-wasm-simd-threaded${gpu ? ".asyncify" : ""}.wasm`);
  Object.assign(runtime.env.wasm, { numThreads: 1, wasmPaths: { wasm } });
  return runtime;
}
