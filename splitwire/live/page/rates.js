// The slider of the upload rate, logarithmic, with a band of the fastest way's colour below it and break-even marked.

import { size } from "./plots.js";

const STEPS = 400;
const SHORT = { "edge only": "edge only", "cloud only": "cloud only", shared: "splitting" };

export class Rates {
  #slider; #band; #ends;

  /** @param {HTMLInputElement} slider @param {HTMLElement} band */
  constructor(slider, band) {
    this.#slider = slider;
    this.#band = band;
    Object.assign(slider, { min: 0, max: STEPS, step: 1 });
  }

  /** Say which rates there are, and stand at one of them. */
  between({ slowest, fastest, start }) {
    this.#ends = [slowest, fastest];
    this.#slider.value = Math.round(STEPS * this.#share(start));
  }

  get value() {
    const [slowest, fastest] = this.#ends;
    return slowest * (fastest / slowest) ** (Number(this.#slider.value) / STEPS);
  }

  #share(rate) {
    const [slowest, fastest] = this.#ends;
    return Math.log(rate / slowest) / Math.log(fastest / slowest);
  }

  /** Show which way is the fastest where. */
  mark(stretches) {
    this.#band.replaceChildren(...stretches.flatMap(({ way, from, to }, at) => {
      const part = document.createElement("span"), left = this.#share(from), wide = this.#share(to) - left;
      part.className = `part ${way.replace(" ", "-")}`;
      part.style.left = `${100 * left}%`;
      part.style.width = `${100 * wide}%`;
      part.textContent = wide > 0.14 ? SHORT[way] : "";
      if (!at) return [part];
      const mark = document.createElement("span");
      mark.className = "break-even";
      mark.style.left = `${100 * left}%`;
      const words = document.createElement("b");
      words.textContent = `${size(from)}/s`;
      words.className = left < 0.12 ? "right" : left > 0.88 ? "left" : "";
      if (at > 1 && left - this.#share(stretches[at - 1].from) < 0.35) mark.classList.add("lower");
      mark.append(words);
      return [part, mark];
    }));
  }

  /** Say what the slider stands at, to those who see it and those who hear it. */
  tell(output, way) {
    const words = `${size(this.value)}/s`;
    output.textContent = words;
    this.#slider.setAttribute("aria-valuetext", way ? `${words}: ${SHORT[way]} is the fastest` : words);
  }
}

/** The stretches in a sentence. */
export function sentence(stretches, [slowest, fastest]) {
  const where = ({ from, to }) => (from <= slowest ? (to >= fastest ? "at every rate" : `below ${size(to)}/s`)
    : to >= fastest ? `above ${size(from)}/s` : `from ${size(from)}/s to ${size(to)}/s`);
  const said = stretches.map((one) => `${SHORT[one.way]} ${where(one)}`);
  return `The fastest way is ${said.join("; ")}.`;
}
