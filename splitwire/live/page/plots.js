// Bars a frame, drawn as SVG: no library, and the caption says in words what is seen.

export const STAGES = ["edge", "encode", "link", "decode", "cloud"];
const SHOWN = 40, WIDTH = 400, HEIGHT = 140, LEFT = 44, BOTTOM = 4, TOP = 8;

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

/** Stacked bars: each frame is a list of [colour variable, value]; `unit` writes an axis value. */
export function bars(svg, frames, unit) {
  const shown = frames.slice(-SHOWN);
  const sum = (frame) => frame.reduce((total, [, value]) => total + value, 0);
  const top = niceTop(Math.max(1e-9, ...shown.map(sum)));
  const height = HEIGHT - TOP - BOTTOM, step = (WIDTH - LEFT) / SHOWN;
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.replaceChildren();
  for (const share of [0, 0.5, 1]) {
    const y = TOP + height * (1 - share);
    svg.append(element("line", { x1: LEFT, x2: WIDTH, y1: y, y2: y, class: "grid" }));
    svg.append(element("text", { x: LEFT - 5, y: y + 4, "text-anchor": "end" }, unit(share * top)));
  }
  shown.forEach((frame, index) => {
    let y = TOP + height;
    for (const [colour, value] of frame) {
      const tall = (height * value) / top;
      y -= tall;
      const bar = element("rect", { x: LEFT + index * step + 1, width: step - 2, y, height: tall });
      bar.style.fill = `var(--${colour})`;
      svg.append(bar);
    }
  });
}

export function milliseconds(value) {
  return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 && value ? 1 : 0)} ms`;
}

export function size(bytes) {
  const short = (value) => Number(value.toFixed(1)); // a round value of an axis takes no decimals
  return bytes >= 1e6 ? `${short(bytes / 1e6)} MB` : bytes >= 1000 ? `${short(bytes / 1000)} kB` : `${Math.round(bytes)} B`;
}

export function legend(list) {
  list.replaceChildren(...STAGES.map((stage) => {
    const item = document.createElement("li"), mark = document.createElement("i");
    mark.style.background = `var(--${stage})`;
    item.append(mark, stage);
    return item;
  }));
}
