// From a photo to the picture that a network takes, in the steps of a bundle's manifest.
//
// Photos are scaled as Pillow's `resize` does it, to the bit: one pass along rows and one along columns, with a filter
// that is widened where it shrinks, in numbers of 22 binary places, rounded to 8 bits after each pass.

const PLACES = 22, HALF = 1 << (PLACES - 1);

/** One step of a manifest. @typedef {{ step: string, [setting: string]: any }} Step */

/** Pixels, 4 bytes each (red, green, blue, and one that is left out), row after row, as `ImageData` has them.
 * @typedef {{ data: Uint8Array | Uint8ClampedArray, width: number, height: number }} Photo */

/** @type {Record<string, { support: number, at: (x: number) => number }>} */
const FILTERS = {
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, at: hamming },
  bicubic: { support: 2, at: cubic },
  lanczos: { support: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** @param {number} x */
function hamming(x) {
  if (x === 0) return 1;
  const share = Math.fround(0.54), rest = Math.fround(0.46); // as Pillow writes them, in float32
  return Math.abs(x) >= 1 ? 0 : sinc(x) * (share + rest * Math.cos(x * Math.PI));
}

/** R. Keys' kernel, with a = -1/2. @param {number} x */
function cubic(x) {
  const far = Math.abs(x), a = -0.5;
  if (far < 1) return ((a + 2) * far - (a + 3)) * far * far + 1;
  return far < 2 ? (((far - 5) * far + 8) * far - 4) * a : 0;
}

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** The picture of a photo: float32 (3, height, width), 0 to 255.
 * @param {Photo} photo @param {readonly Step[]} steps of a manifest */
export function preprocess(photo, steps) {
  const [, scale, crop] = steps;
  if (steps.map(({ step }) => step).join() !== "rgb,scale,crop,float32,normalise" || !FILTERS[scale.filter]) {
    throw new Error(`the manifest's preprocessing has steps that are not known here: ${JSON.stringify(steps)}`);
  }
  const [height, width] = scaled(photo, scale), [rows, columns] = crop.sides;
  const down = weights(photo.height, height, scale.filter, middle(height - rows), rows);
  const across = weights(photo.width, width, scale.filter, middle(width - columns), columns);
  const needed = cut(photo, across, down), shorter = photo.height - height;
  const columnsFirst = shorter > 0 && shorter > 2 * (photo.width - width); // as Pillow 13 does it
  return apart(columnsFirst ? narrowed(lowered(needed, down), across) : lowered(narrowed(needed, across), down));
}

/** Half of what is over, rounded to the even one. @param {number} over */
function middle(over) {
  const half = Math.floor(over / 2);
  return over % 2 && half % 2 ? half + 1 : half;
}

/** Height and width that a photo is scaled to. @param {Photo} photo @param {Step} step */
function scaled({ height, width }, { sides, cover, enlarge }) {
  if (sides) return sides;
  const [h, w] = cover, [a, b] = enlarge;
  const [side, whole] = height * w > width * h ? [w, width] : [h, height];
  return [height, width].map((length) => Math.floor((a * side * length) / (b * whole)));
}

/** Of each pixel made, from `begin` on: the first pixel that it is made of, and how much of each.
 * @typedef {{ first: number, parts: Int32Array }[]} Weights */

/** @param {number} from pixels @param {number} to pixels @param {string} name @param {number} begin
 * @param {number} count @returns {Weights} */
function weights(from, to, name, begin, count) {
  if (from === to) return Array.from({ length: count }, (_, at) => ({ first: begin + at, parts: Int32Array.of(1 << PLACES) }));
  const { support, at: filter } = FILTERS[name], scale = from / to, wide = Math.max(scale, 1), narrow = 1 / wide;
  return Array.from({ length: count }, (_, made) => {
    const centre = (begin + made + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * wide + 0.5));
    const last = Math.min(from, Math.trunc(centre + support * wide + 0.5));
    const parts = Float64Array.from({ length: last - first }, (_, at) => filter((at + first - centre + 0.5) * narrow));
    const sum = parts.reduce((one, other) => one + other, 0) || 1;
    return { first, parts: Int32Array.from(parts, (part) => Math.trunc((part / sum) * (1 << PLACES) + (part < 0 ? -0.5 : 0.5))) };
  });
}

/** An image of 3 bytes a pixel. @typedef {{ data: Uint8ClampedArray, width: number, height: number }} Image */

/** What of a photo is needed; the weights are made to begin there.
 * @param {Photo} photo @param {Weights} across @param {Weights} down @returns {Image} */
function cut({ data, width: whole }, across, down) {
  const [left, width] = begun(across), [top, height] = begun(down), made = new Uint8ClampedArray(3 * width * height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = 4 * ((top + y) * whole + left); x < width; x++, from += 4, to += 3) {
      made[to] = data[from];
      made[to + 1] = data[from + 1];
      made[to + 2] = data[from + 2];
    }
  }
  return { data: made, width, height };
}

/** Where the first pixel that weights need lies, from now on 0, and how many there are. @param {Weights} all */
function begun(all) {
  const begin = all[0].first;
  for (const one of all) one.first -= begin;
  return [begin, Math.max(...all.map(({ first, parts }) => first + parts.length))];
}

/** An image with other columns. @param {Image} image @param {Weights} across @returns {Image} */
function narrowed({ data, width, height }, across) {
  const made = new Uint8ClampedArray(3 * across.length * height);
  for (let y = 0, to = 0; y < height; y++) {
    for (const { first, parts } of across) {
      let red = HALF, green = HALF, blue = HALF;
      for (let at = 0, from = 3 * (y * width + first); at < parts.length; at++, from += 3) {
        const part = parts[at];
        red = (red + Math.imul(data[from], part)) | 0; // in 32 bits, which is what makes it fast
        green = (green + Math.imul(data[from + 1], part)) | 0;
        blue = (blue + Math.imul(data[from + 2], part)) | 0;
      }
      made[to++] = red >> PLACES;
      made[to++] = green >> PLACES;
      made[to++] = blue >> PLACES;
    }
  }
  return { data: made, width: across.length, height };
}

/** An image with other rows. @param {Image} image @param {Weights} down @returns {Image} */
function lowered({ data, width }, down) {
  const row = 3 * width, made = new Uint8ClampedArray(row * down.length), sums = new Int32Array(row);
  down.forEach(({ first, parts }, y) => {
    sums.fill(HALF);
    parts.forEach((part, at) => {
      for (let x = 0, from = (first + at) * row; x < row; x++) sums[x] += Math.imul(data[from + x], part);
    });
    for (let x = 0, to = y * row; x < row; x++) made[to + x] = sums[x] >> PLACES;
  });
  return { data: made, width, height: down.length };
}

/** The three channels, one after the other. @param {Image} image */
function apart({ data, width, height }) {
  const plane = width * height, picture = new Float32Array(3 * plane);
  return picture.map((_, at) => data[3 * (at % plane) + Math.floor(at / plane)]);
}
