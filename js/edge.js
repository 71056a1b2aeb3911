// The edge: photo ─▶ picture ─▶ first half ─▶ codec ─▶ packet, as a bundle says.

import { Half } from "./half.js";
import { join } from "./packet.js";
import { preprocess } from "./preprocess.js";

const HELLO = 3; // version of the live protocol

export class Edge {
  #manifest; #core; #half; #profiles;

  /** @param {import("./bundle.js").Manifest} manifest @param {import("./core.js").Core} core @param {Half} half
   * @param {(import("./core.js").Profile | null)[]} profiles of each crossing tensor */
  constructor(manifest, core, half, profiles) {
    this.#manifest = manifest;
    this.#core = core;
    this.#half = half;
    this.#profiles = profiles;
  }

  /** The edge of a bundle. @param {import("./bundle.js").Bundle} bundle @param {import("./core.js").Core} core
   * @param {import("./runtime.js").Runtime} runtime @param {string[]} [on] providers of execution, the best first */
  static async open(bundle, core, runtime, on) {
    const { input, crossings } = bundle.manifest;
    const half = await Half.open(runtime, await bundle.file("edge.onnx"), [input], crossings, on);
    const profiles = [];
    for (const { profile } of crossings) profiles.push(profile ? core.openProfile(await bundle.file(profile)) : null);
    return new Edge(bundle.manifest, core, half, profiles);
  }

  /** What it says to a cloud first; see docs/protocol.md. */
  get hello() {
    const { network, split, codec, task, digest } = this.#manifest;
    const profiles = this.#profiles.flatMap((profile) => profile?.digest ?? []);
    return { hello: HELLO, model: network, split, codec, task, digest, profiles, whole: false };
  }

  /** The shape of a picture: (1, 3, H, W). */
  get input() {
    return this.#manifest.input.shape;
  }

  /** Shapes that cross, without the batch. */
  get tensors() {
    return this.#manifest.crossings.map(({ shape }) => shape.slice(1));
  }

  /** The picture of a photo: float32 (3, H, W), 0 to 255. @param {import("./preprocess.js").Photo} photo */
  picture(photo) {
    return preprocess(photo, this.#manifest.preprocess);
  }

  /** What crosses, of a picture. @param {Float32Array} picture */
  start(picture) {
    return this.#half.run([picture]);
  }

  /** The packet of what crosses. @param {readonly Float32Array[]} features */
  encode(features) {
    const { codec } = this.#manifest;
    return join(features.map((x, at) => this.#core.encode(codec, this.#profiles[at], x, this.tensors[at])));
  }
}
