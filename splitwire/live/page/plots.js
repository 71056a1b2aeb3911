// Bars a frame, drawn as SVG: no library, and the caption says in words what is seen.

export const STAGES = ["edge", "encode", "link", "decode", "cloud"];
const SHOWN = 40, LEFT = 52, BOTTOM = 12, TOP = 14;
const USUAL = 0.8, ROOM = 1.6; // of the bars, and above them: what is higher is cut

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return power * [1, 2, 5, 10].find((step) => step * power >= value);
}

const sum = (frame) => frame.parts.reduce((total, [, value]) => total + value, 0);

/** The height of the axis: of the highest bar, unless that is an outlier, which would flatten the others. */
function ceiling(sums) {
  const sorted = [...sums].sort((a, b) => a - b), usual = sorted[Math.ceil(USUAL * sorted.length) - 1];
  const highest = sorted.filter((value) => value <= ROOM * usual).at(-1);
  return niceTop(Math.max(1e-9, highest));
}

/** Stacked bars. Each frame has parts, [colour variable, value] each, a setting and words for it; `unit` writes a value.
 * A mark stands where the setting changes. Of a bar that is pointed at or tapped on, `tell` is given the words. */
export function bars(svg, frames, unit, tell) {
  const shown = frames.slice(-SHOWN), { clientWidth: width, clientHeight: tall } = svg;
  if (!shown.length || !width) return;
  const top = ceiling(shown.map(sum)), height = tall - TOP - BOTTOM, step = (width - LEFT) / SHOWN;
  svg.setAttribute("viewBox", `0 0 ${width} ${tall}`); // a unit is a pixel: no word is ever squashed
  svg.replaceChildren();
  for (const share of [0, 0.5, 1]) {
    const y = TOP + height * (1 - share);
    svg.append(element("line", { x1: LEFT, x2: width, y1: y, y2: y, class: "grid" }));
    svg.append(element("text", { x: LEFT - 5, y: y + 4, "text-anchor": "end" }, unit(share * top)));
  }
  shown.forEach((frame, index) => {
    const x = LEFT + index * step, bar = element("g", { class: "frame" });
    bar.append(element("title", {}, frame.words));
    bar.append(element("rect", { x, width: step, y: 0, height: tall, class: "reach" }));
    stack(bar, frame, { x: x + 1, width: step - 2, height, top });
    if (index && frame.setting !== shown[index - 1].setting) {
      bar.append(element("line", { x1: x, x2: x, y1: TOP, y2: TOP + height, class: "change" }));
      bar.append(element("path", { d: `M${x} ${TOP + height + 2}l4 8h-8z`, class: "changed" }));
    }
    for (const event of ["pointerenter", "click"]) bar.addEventListener(event, () => tell?.(frame.words));
    svg.append(bar);
  });
}

/** A bar's parts from below; one that is higher than the axis ends in a gap. */
function stack(bar, frame, { x, width, height, top }) {
  let y = TOP + height;
  for (const [colour, value] of frame.parts) {
    const part = Math.min((height * value) / top, y - TOP);
    y -= part;
    const box = element("rect", { x, width, y, height: part, class: "stage" });
    box.style.fill = `var(--${colour})`;
    bar.append(box);
  }
  if (sum(frame) > top) {
    bar.append(element("path", { d: `M${x - 1} ${TOP + 9}l${width + 2} -4`, class: "cut" }));
    bar.append(element("path", { d: `M${x} ${TOP - 3}h${width}l${-width / 2} -6z`, class: "changed" }));
  }
}

export function milliseconds(value) {
  return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 && value ? 1 : 0)} ms`;
}

export function size(bytes) {
  const short = (value) => Number(value >= 100 ? value.toFixed(0) : value.toFixed(1)); // no needless decimals
  return bytes >= 1e9 ? `${short(bytes / 1e9)} GB` : bytes >= 1e6 ? `${short(bytes / 1e6)} MB`
    : bytes >= 1000 ? `${short(bytes / 1000)} kB` : `${Math.round(bytes)} B`;
}

export function legend(list) {
  list.replaceChildren(...STAGES.map((stage) => {
    const item = document.createElement("li"), mark = document.createElement("i");
    mark.style.background = `var(--${stage})`;
    item.append(mark, stage);
    return item;
  }));
}
