// A small monitor of the cloud: what /metrics tells, every other second while somebody looks.

import { size } from "./plots.js";

const EVERY = 2000;

/** The value of each metric, summed over its labels. */
export function read(text) {
  const found = {};
  for (const line of text.split("\n")) {
    const [, name, value] = /^([a-z_]+)(?:\{[^}]*\})? ([-+.\deE]+)$/.exec(line) ?? [];
    if (name) found[name] = (found[name] ?? 0) + Number(value);
  }
  return found;
}

/** Terms and what they come to, given what was told before. */
export function told(now, before) {
  const since = (name) => (now[name] ?? 0) - (before?.[name] ?? 0);
  const batches = since("splitwire_batch_frames_count"), whole = batches > 0 ? ["now", since] : ["so far", (name) => now[name] ?? 0];
  const count = whole[1]("splitwire_batch_frames_count");
  return [
    ["clients", String(now.splitwire_clients ?? 0)],
    ["queue", frames(now.splitwire_waiting_frames ?? 0)],
    ["batches", count ? `${(whole[1]("splitwire_batch_frames_sum") / count).toFixed(1)} frames on average ${whole[0]}` : "none yet"],
    ["answered", frames(now.splitwire_frames_total ?? 0)],
    ["memory", `${size(now.splitwire_resident_bytes ?? 0)}, ${size(now.splitwire_past_bytes ?? 0)} of it the past of streams`],
  ];
}

function frames(count) {
  return `${count.toLocaleString("en")} frame${count === 1 ? "" : "s"}`;
}

/** Keep a list of terms up to date. */
export async function watch(list, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  for (let before; ; await new Promise((wake) => setTimeout(wake, EVERY))) {
    if (document.hidden) continue;
    const answer = await fetch("metrics", { headers }).catch(() => null);
    const all = answer?.ok ? read(await answer.text()) : {}, now = "splitwire_clients" in all ? all : null;
    show(list, now ? told(now, before) : [["cloud", "does not answer"]]);
    before = now ?? undefined;
  }
}

function show(list, rows) {
  list.replaceChildren(...rows.flatMap(([term, value]) => {
    const name = document.createElement("dt"), what = document.createElement("dd");
    name.textContent = term;
    what.textContent = value;
    return [name, what];
  }));
}
