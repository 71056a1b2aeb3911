// The second half on the device itself: where there is no cloud.

import { Half } from "./half.js";

const SHOWN = 5; // classes of a prediction

/** Whether the predictions of a task can be made here; those of the others are made by the cloud.
 * @param {string} task */
export function predicts(task) {
  return task === "classification";
}

export class Local {
  #half; #labels;

  /** @param {Half} half @param {string[]} labels */
  constructor(half, labels) {
    this.#half = half;
    this.#labels = labels;
  }

  /** The second half of a bundle. @param {import("./bundle.js").Bundle} bundle
   * @param {import("./runtime.js").Runtime} runtime @param {string[]} [on] providers of execution, the best first */
  static async open(bundle, runtime, on) {
    const { task, labels, crossings, outputs } = bundle.manifest;
    if (!predicts(task)) throw new Error(`predictions of ${task} are made by a cloud, not here`);
    return new Local(await Half.open(runtime, await bundle.file("cloud.onnx"), crossings, outputs, on), labels);
  }

  /** The prediction for what crosses. @param {readonly Float32Array[]} features */
  async predict(features) {
    const [logits] = await this.#half.run(features);
    return classification(logits, this.#labels);
  }
}

/** The best five classes, as a cloud tells them. @param {Float32Array} logits @param {readonly string[]} labels */
export function classification(logits, labels) {
  const most = logits.reduce((one, other) => Math.max(one, other), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  const order = Array.from(logits, (_, at) => at).sort((one, other) => logits[other] - logits[one]);
  const classes = order.slice(0, SHOWN);
  const probabilities = classes.map((at) => Math.exp(logits[at] - most) / sum);
  return labels.length ? { classes, probabilities, names: classes.map((at) => labels[at]) } : { classes, probabilities };
}
