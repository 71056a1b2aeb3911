// What each way takes at any upload rate: its stages, and its bytes over the rate. Where two ways meet is break-even.

export const WAYS = ["edge only", "cloud only", "shared"];
const KEPT = 9, STAGES = ["edge", "encode", "decode", "cloud"];

function median(values) {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** What was measured of the three ways with one setting: the medians of the latest frames. */
export class Ways {
  #frames = new Map(WAYS.map((way) => [way, []]));

  clear() { for (const kept of this.#frames.values()) kept.length = 0; }

  add(strip) {
    for (const way of WAYS) {
      if (!strip[way]) continue;
      const { stages, bytes } = strip[way], kept = this.#frames.get(way);
      kept.push({ fixed: STAGES.reduce((sum, stage) => sum + (stages[stage] ?? 0), 0), there: (stages.decode ?? 0) + (stages.cloud ?? 0), bytes });
      kept.splice(0, kept.length - KEPT);
    }
  }

  /** Of each way its milliseconds without the link, those of them at the cloud, and its bytes. */
  lines(rtt) {
    return WAYS.filter((way) => this.#frames.get(way).length).map((way) => {
      const of = (part) => median(this.#frames.get(way).map((frame) => frame[part]));
      const bytes = way === "edge only" ? 0 : of("bytes");
      return { way, bytes, there: of("there"), fixed: of("fixed") + (bytes ? rtt : 0) };
    });
  }
}

/** Milliseconds in all at an upload rate in bytes a second. */
export function total(line, rate) { return line.fixed + (1000 * line.bytes) / rate; }

export function fastest(lines, rate) {
  return lines.reduce((a, b) => (total(a, rate) <= total(b, rate) ? a : b));
}

/** Over which upload rates which way is the fastest, rates rising; the inner ends are the break-even rates. */
export function stretches(lines, slowest, fast) {
  const meet = (a, b) => (1000 * (a.bytes - b.bytes)) / (b.fixed - a.fixed);
  const pairs = lines.flatMap((a, at) => lines.slice(at + 1).map((b) => meet(a, b)));
  const ends = [slowest, ...pairs.filter((rate) => rate > slowest && rate < fast).sort((a, b) => a - b), fast];
  const found = [];
  for (let at = 0; at + 1 < ends.length; at++) {
    const { way } = fastest(lines, Math.sqrt(ends[at] * ends[at + 1]));
    if (found.at(-1)?.way === way) found.at(-1).to = ends[at + 1];
    else found.push({ way, from: ends[at], to: ends[at + 1] });
  }
  return found;
}

/** The radio's energy for a frame in millijoules, a picture a second: as in eval/radio.py. */
export function energy(radio, line, rate) {
  if (!line.bytes) return 0;
  const megabits = 8e-6 * rate, wait = line.there / 1000;
  const idle = Math.max(0, 1 - (line.bytes + radio.answer) / rate - wait), asleep = idle > radio.tail_seconds;
  const joules = (asleep ? radio.promotion_watts * radio.promotion_seconds : 0)
    + ((radio.up * megabits + radio.base) * line.bytes) / rate + radio.tail_watts * wait
    + ((radio.down * megabits + radio.base) * radio.answer) / rate + radio.tail_watts * Math.min(idle, radio.tail_seconds);
  return 1000 * joules;
}
