// What a prediction says: in words, and drawn over the picture. Its form says which task it is of; see docs/tasks.md.

const SVG = "http://www.w3.org/2000/svg";
const LISTED = 8; // lines of a prediction
const SURE = 0.2; // score of a point that is drawn
const LIMBS = [
  [0, 1], [0, 2], [1, 3], [2, 4], [5, 6], [5, 7], [7, 9], [6, 8], [8, 10],
  [5, 11], [6, 12], [11, 12], [11, 13], [13, 15], [12, 14], [14, 16],
]; // between COCO's seventeen points

/** Whether a prediction is about places in the picture. */
export function draws(prediction) {
  return ["objects", "runs", "points"].some((form) => form in prediction);
}

/** What a prediction says, a line each, with the share that it gives to that or null. */
function lines(prediction) {
  const { classes, objects, runs, points, names, probabilities, ...others } = prediction;
  if (classes) return classes.map((index, rank) => [names?.[rank] ?? `class ${index}`, probabilities[rank]]);
  if (objects) return some(objects.map(({ label, score }) => [label, score]), "nothing");
  if (runs) return some(shares(prediction), "nothing");
  if (points) return [[`${points.filter(([, , score]) => score >= SURE).length} of ${points.length} points`, null]];
  const short = (value) => (typeof value === "number" ? Number(value.toPrecision(4)) : value);
  return Object.entries(others).map(([name, value]) => [`${name}: ${[value].flat(9).map(short).join(", ")}`, null]);
}

/** The same as items of a list, a bar as long as the share behind each. */
export function items(prediction) {
  return lines(prediction).map(([text, chance]) => {
    const item = document.createElement("li"), bar = document.createElement("span");
    const name = document.createElement("span"), share = document.createElement("span");
    bar.className = "bar";
    bar.style.width = `${100 * (chance ?? 0)}%`;
    name.className = "name";
    share.className = "share";
    name.textContent = text;
    share.textContent = chance === null ? "" : `${(100 * chance).toFixed(0)} %`;
    item.append(bar, name, share);
    return item;
  });
}

/** The same in one line: how many objects there are of each class, or what comes first. */
export function brief(prediction) {
  const counts = new Map();
  for (const { label } of prediction.objects ?? []) counts.set(label, (counts.get(label) ?? 0) + 1);
  const most = [...counts].sort(([, a], [, b]) => b - a).map(([label, count]) => `${count} × ${label}`);
  return most.join(", ") || (lines(prediction)[0]?.[0] ?? "–");
}

function some(all, none) {
  if (!all.length) return [[none, null]];
  return all.length > LISTED ? [...all.slice(0, LISTED), [`and ${all.length - LISTED} more`, null]] : all;
}

/** The share of the pixels that each class has, most first. */
function shares({ runs, size, names }) {
  const counts = new Map();
  eachRun(runs, (kind, length) => counts.set(kind, (counts.get(kind) ?? 0) + length));
  const name = (kind) => names?.[kind] ?? `class ${kind}`;
  return [...counts].sort(([, a], [, b]) => b - a).map(([kind, count]) => [name(kind), count / (size[0] * size[1])]);
}

function eachRun(runs, take) {
  for (let at = 0; at < runs.length; at += 2) take(runs[at], runs[at + 1]);
}

/** Draw a prediction into an element that lies over the picture; places are fractions of the picture. */
export function mark(over, prediction) {
  const { objects = [], points = [] } = prediction;
  const drawing = made("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none" });
  const parts = prediction.runs ? [mask(prediction)] : [];
  for (const one of [...objects].reverse()) { // the best last, over the others
    const [left, top, right, bottom] = one.box;
    drawing.append(made("rect", { x: left, y: top, width: right - left, height: bottom - top }, colour(one.class)));
    parts.push(label(one));
  }
  const sure = (at) => points[at][2] >= SURE;
  for (const [one, other] of points.length === 17 ? LIMBS : []) {
    if (sure(one) && sure(other)) drawing.append(line("limb", points[one], points[other], colour(other)));
  }
  points.forEach((place, at) => { if (sure(at)) drawing.append(line("point", place, place, colour(at))); });
  over.replaceChildren(drawing, ...parts);
}

function made(name, attributes, tone) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (tone) element.style.stroke = tone;
  return element;
}

/** A line; one from a place to itself is a dot, round however the drawing is stretched. */
function line(kind, [x1, y1], [x2, y2], tone) {
  return made("line", { class: kind, x1, y1, x2, y2 }, tone);
}

/** The words on a box, inside of the picture: at its left side or its right one, above or below its upper side. */
function label({ box: [left, top, right], class: kind, label: name, score }) {
  const words = document.createElement("span");
  words.textContent = `${name} ${(100 * score).toFixed(0)} %`;
  words.style.background = colour(kind);
  words.style[left + right < 1 ? "left" : "right"] = `${100 * (left + right < 1 ? left : 1 - right)}%`;
  words.style.top = `${100 * top}%`;
  words.className = top > 0.1 ? "above" : "";
  return words;
}

/** A colour a class over the picture; class 0, the background, stays bare. */
function mask({ size: [height, width], runs }) {
  const over = document.createElement("canvas"), context = over.getContext("2d");
  [over.width, over.height] = [width, height];
  const pixels = context.createImageData(width, height), words = new Uint32Array(pixels.data.buffer);
  let at = 0;
  eachRun(runs, (kind, length) => { words.fill(kind && pixel(kind), at, at + length); at += length; });
  context.putImageData(pixels, 0, 0);
  return over;
}

const painted = new Map();

/** A class's colour, opaque, as ImageData has it. */
function pixel(kind) {
  if (!painted.has(kind)) {
    const one = document.createElement("canvas").getContext("2d");
    one.fillStyle = colour(kind);
    one.fillRect(0, 0, 1, 1);
    painted.set(kind, new Uint32Array(one.getImageData(0, 0, 1, 1).data.buffer)[0]);
  }
  return painted.get(kind);
}

/** One that is told from those of the classes beside it: the golden ratio around the circle repeats last. */
function colour(index) {
  return `hsl(${(360 * (0.02 + index * 0.618034)) % 360} 89% 55%)`;
}
