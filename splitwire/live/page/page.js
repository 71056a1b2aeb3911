// The page: choices in, frames out. With an edge behind it (splitwire demo) frames go edge → cloud;
// served by a cloud alone, this browser is the client and sends the picture itself; where the cloud has a bundle for it,
// this device is the edge (phone.js).

import { Connection } from "./connection.js";
import { Edge } from "./demo.js";
import { watch } from "./monitor.js";
import { Phone } from "./phone.js";
import { PICTURE, pictureStream } from "./picture.js";
import { STAGES, bars, legend, milliseconds, size } from "./plots.js";
import { brief, draws, items, mark } from "./predictions.js";
import { Rates, sentence } from "./rates.js";
import { WAYS, Ways, energy, stretches, total } from "./ways.js";

const $ = (id) => document.getElementById(id);
const MOSAIC = "The channels of a feature tensor, side by side in grey";
const frames = [], ways = new Ways(), rates = new Rates($("rate"), $("band"));
const sheet = document.createElement("canvas"); // the picture under way; it is shown with its prediction
let about, client, photo, latest = null, camera = null, setting = "";
let underWay = 0, wanted = false, choosing = false, strip = null;

/** Say how it goes. An error stays until a person does something: see `calm`. */
function say(text, isError = false) {
  if ($("status").classList.contains("error") && !isError) return;
  $("status").textContent = text;
  $("status").classList.toggle("error", isError);
}

function calm() { $("status").classList.remove("error"); }

function fill(select, values, preferred) {
  select.replaceChildren(...values.map((value) => new Option(value, value)));
  if (values.includes(preferred)) select.value = preferred;
}

/** What this browser says to a cloud that it sends pictures. */
function hello() {
  const model = $("model").value;
  return { hello: 3, model, task: about.tasks[model] ?? undefined, split: "input", codec: PICTURE };
}

/** A picture as a stream. */
async function pictured(from = sheet) {
  const file = await jpeg(from, Number($("quality").value) / 100);
  return pictureStream(new Uint8Array(await file.arrayBuffer()), from.height, from.width);
}

/** This browser without a network of its own: it computes nothing and sends the picture. */
class Browser {
  depth = 3;
  #cloud;

  async open() { this.#cloud = await Connection.open(location.href, hello(), sessionStorage.token); }

  close() { this.#cloud?.close(); }

  async choose() { this.close(); await this.open(); }

  async run(shot) {
    const begin = performance.now(), stream = await pictured(shot.sheet);
    const encode = performance.now() - begin;
    const answer = await this.#cloud.ask(stream);
    return {
      outcome: "answered", bytes: stream.length, prediction: answer.prediction,
      stages: { encode, link: answer.away - answer.held, decode: answer.decode, cloud: answer.cloud },
      total: performance.now() - begin,
    };
  }
}

/** The picture as the network wants it, on the sheet: resized to cover it with a margin, centre cropped; or all of it. */
function draw(source, width, height) {
  const wanted = about.sizes[$("model").value];
  const covering = Math.max(wanted.width / width, wanted.height / height);
  const scale = (covering * wanted.resize) / Math.min(wanted.width, wanted.height);
  const [w, h] = wanted.resize === null ? [wanted.width, wanted.height] : [width * scale, height * scale];
  [sheet.width, sheet.height] = [wanted.width, wanted.height];
  sheet.dataset.aspect = wanted.resize === null ? width / height : wanted.width / wanted.height; // as it is shown
  const context = sheet.getContext("2d", { alpha: false });
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff"; // behind what is transparent, as in data/pictures.py
  context.fillRect(0, 0, wanted.width, wanted.height);
  context.drawImage(source, (wanted.width - w) / 2, (wanted.height - h) / 2, w, h);
}

function jpeg(from, quality) {
  return new Promise((resolve, reject) => from.toBlob(
    (blob) => (blob ? resolve(blob) : reject(new Error("this browser writes no JPEG"))), "image/jpeg", quality));
}

/** What is on the sheet, kept while the next picture is drawn there. */
function kept() {
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [sheet.width, sheet.height];
  copy.getContext("2d", { alpha: false }).drawImage(sheet, 0, 0);
  copy.dataset.aspect = sheet.dataset.aspect;
  return { sheet: copy, setting, file: (quality) => jpeg(copy, quality) };
}

/** Show a frame: its picture and all that was measured on it, at once and under one number. */
function show(frame, shot) {
  const number = String(frames.length + 1), picture = $("picture"), { sheet: seen } = shot;
  const words = `Frame ${number}${shot.setting && `, ${shot.setting}`}:`;
  frames.push({
    setting: shot.setting,
    stages: STAGES.map((stage) => [stage, frame.stages[stage] ?? 0]),
    bytes: [["edge", frame.bytes]],
    times: `${words} ${parts(frame)}`,
    sizes: `${words} ${sizes(frame)}`,
  });
  [picture.width, picture.height] = [seen.width, seen.height];
  picture.getContext("2d", { alpha: false }).drawImage(seen, 0, 0);
  $("frame").style.setProperty("--aspect", seen.dataset.aspect);
  for (const id of ["picture", "marks", "classes", "mosaic", ...(frame.strip ? ["strip"] : [])]) $(id).dataset.frame = number;
  latest = frame;
  tell();
  plot();
  $("c-time").textContent = frames.at(-1).times;
  $("c-bytes").textContent = frames.at(-1).sizes;
  $("mosaic").replaceChildren(...(frame.mosaics ?? []).map((src) => Object.assign(new Image(), { src, alt: MOSAIC })));
  if (frame.strip) showStrip(frame.strip);
  say(frame.outcome === "answered" ? `Frame ${number} answered by the cloud.` : `Frame ${number} ${frame.outcome}: ${frame.reason ?? ""}`);
}

/** Draw both plots: after a frame, and when their size has changed. */
function plot() {
  const of = (part, words) => frames.map((frame) => ({ parts: frame[part], words: frame[words], setting: frame.setting }));
  bars($("times"), of("stages", "times"), milliseconds, (words) => { $("c-time").textContent = words; });
  bars($("bytes"), of("bytes", "sizes"), size, (words) => { $("c-bytes").textContent = words; });
}

function parts(frame) {
  const each = STAGES.filter((stage) => stage in frame.stages).map((stage) => `${stage} ${milliseconds(frame.stages[stage])}`);
  return `${milliseconds(frame.total)} in all; ${each.join(", ")}.`;
}

function sizes(frame) {
  const tensors = frame.streams?.length > 1 ? `, ${frame.streams.map(size).join(" + ")} of ${frame.streams.length} tensors` : "";
  return `${size(frame.bytes)} (${frame.bytes.toLocaleString("en")} bytes)${tensors}${frame.intra === false ? ", built on frames before it" : ""}.`;
}

/** The prediction of the latest frame, in words and on the picture: the coded network's, or the uncompressed one's. */
function tell() {
  const alone = latest.strip?.["edge only"], whole = Boolean(alone) && $("whole").getAttribute("aria-pressed") === "true";
  const { prediction } = whole ? alone : latest;
  $("c-seen").textContent = `Frame ${$("picture").dataset.frame}${whole ? ", as the uncompressed network sees it" : ""}`;
  $("seen").classList.toggle("drawn", draws(prediction));
  mark($("marks"), prediction);
  $("classes").replaceChildren(...items(prediction));
}

function showStrip(measured) {
  strip = measured;
  ways.add(measured);
  compare();
}

/** The three ways: as they were measured on a phone; in the demonstration, at what the slider stands at. */
function compare() {
  if (!strip) return;
  const edge = Boolean(about.codecs), known = WAYS.filter((way) => strip[way]);
  const lines = edge ? ways.lines(1000 * about.rates.rtt).filter(({ way }) => strip[way]) : [];
  const took = (way) => (edge ? total(lines.find((line) => line.way === way), rates.value) : strip[way].total);
  const best = known.reduce((a, b) => (took(a) <= took(b) ? a : b));
  $("strip").tBodies[0].replaceChildren(...known.map((way) => {
    const { bytes, prediction, divergence } = strip[way], row = document.createElement("tr");
    const radio = edge ? `${energy(about.radio, lines.find((line) => line.way === way), rates.value).toFixed(0)} mJ` : "";
    const cells = [milliseconds(took(way)), size(bytes), radio, distance(divergence), brief(prediction)];
    row.className = way === best ? "fastest" : "";
    row.innerHTML = `<th scope="row"></th>${cells.map((_, at) => `<td class="${["", "", "edge", "edge", "said"][at]}"></td>`).join("")}`;
    row.cells[0].textContent = way === best ? `${way} (fastest)` : way;
    cells.forEach((text, index) => { row.cells[index + 1].textContent = text; });
    for (const cell of row.querySelectorAll(".edge")) cell.hidden = !edge;
    return row;
  }));
  if (edge) explain(lines, best);
}

function distance(divergence) {
  return typeof divergence === "number" ? Number(divergence.toPrecision(2)).toString() : "–";
}

/** What is seen, in a sentence; and which way is the fastest where. */
function explain(lines, best) {
  const { slowest, fastest: fast } = about.rates, spans = stretches(lines, slowest, fast);
  rates.mark(spans);
  rates.tell($("at"), best);
  const { shared, "cloud only": picture } = strip;
  const less = picture && shared ? ` Splitting sends ${size(shared.bytes)} where the picture takes ${size(picture.bytes)}.` : "";
  const seen = shared?.prediction ? `The split network sees ${brief(shared.prediction)}.${less} ` : "";
  const words = `${seen}${sentence(spans, [slowest, fast])}`;
  if ($("found").textContent !== words) $("found").textContent = words;
  $("c-strip").textContent = "Totals at the slider's rate, of the stages as measured. "
    + `Radio: ${about.radio.name}, a picture a second. Divergence in ${about.units[$("model").value]}.`;
}

/** What the frames are run with, in words. */
function chosen() {
  const of = (id) => $(id).value;
  if (about.codecs) return `${of("model")} at ${of("split")}, ${of("quality")}, ${size(rates.value)}/s`;
  return isPhone() ? `${of("model")}, ${of("way")}, JPEG ${of("quality")}` : `${of("model")}, JPEG ${of("quality")}`;
}

/** Run the picture; of a camera the next one follows, with as many under way as whoever runs them takes. */
async function run() {
  if (!photo || choosing || underWay >= (camera ? client.depth : 1)) return;
  underWay += 1;
  try {
    const dimensions = [photo.videoWidth || photo.width, photo.videoHeight || photo.height];
    if (client.draw) client.draw(photo, ...dimensions); else draw(photo, ...dimensions);
    const shot = kept(), ran = client.run(shot);
    if (camera && underWay < client.depth) requestAnimationFrame(run);
    show(await ran, shot);
  } catch (error) {
    say(error.message, true);
  }
  underWay -= 1;
  if (camera) requestAnimationFrame(run);
}

async function idle() {
  while (underWay) await new Promise((wake) => setTimeout(wake, 20));
}

/** Do what changes the selection while nothing is under way, and run again. */
async function alone(change) {
  calm();
  choosing = true;
  await idle();
  try { await change(); } catch (error) { say(error.message, true); }
  choosing = false;
  await run();
}

/** Apply what is chosen: choices that follow each other fast are one, the last. */
async function choose() {
  wanted = true;
  if (choosing) return;
  await alone(async () => {
    while (wanted) {
      wanted = false;
      const now = chosen(), before = setting;
      setting = now;
      if (without(now) !== without(before)) forget();
      try { await client.choose(); } catch (error) { setting = before; throw error; }
    }
  });
}

/** What was measured with another setting says nothing of this one. */
function forget() {
  ways.clear();
  strip = null;
}

/** A setting without its rate, on which what was measured does not depend. */
function without(words) { return words.slice(0, words.lastIndexOf(",")); }

/** Another network may be another's to run. */
async function changeModel() {
  offer();
  if (about.codecs) return choose();
  return alone(async () => {
    client.close();
    client = whoever();
    setting = chosen();
    await client.open();
  });
}

/** Another quality of the pictures that are sent. */
function changeQuality() {
  setting = chosen();
  return run();
}

async function toggleCamera() {
  calm();
  if (camera) {
    photo = await createImageBitmap(photo); // a camera that is off shows black
    camera.getTracks().forEach((track) => track.stop());
    camera = null;
  } else {
    try {
      camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      photo = Object.assign(document.createElement("video"), { srcObject: camera, muted: true, playsInline: true });
      await photo.play();
    } catch (error) {
      camera = null;
      say(`No camera: ${error.message}`, true);
    }
  }
  $("camera").setAttribute("aria-pressed", String(camera !== null));
  for (const id of ["status", "found"]) $(id).setAttribute("aria-live", camera ? "off" : "polite"); // not a word a frame
  await (about.codecs ? choose() : run()); // an edge lets a camera's frames build on each other
}

/** Whether this device is to run its half of the network. */
function isPhone() {
  return about.phone?.model === $("model").value && isSecureContext;
}

/** What would make an edge of it. */
function hint() {
  return about.phone && !isSecureContext
    ? "From an https address this device would run its own half of the network."
    : "`splitwire demo` adds an edge.";
}

/** Who runs what is chosen: the demonstration's edge, this device, or nobody here. */
function whoever() {
  if (about.codecs) return new Edge(selected);
  if (!isPhone()) return new Browser();
  const parts = { sheet, hello, pictured, still: () => !camera, way: () => $("way").value, told: (text) => { $("loaded").textContent = text; } };
  return new Phone(about.phone, parts, sessionStorage.token);
}

/** What is selected, for the demonstration's edge. */
function selected() {
  const [model, split, codec] = ["model", "split", "quality"].map((id) => $(id).value);
  return { model, split, codec, rate: rates.value, camera: Boolean(camera) };
}

function offer() {
  const edge = Boolean(about.codecs), phone = isPhone();
  document.querySelectorAll(".edge, .phone").forEach((part) => {
    part.hidden = !((edge && part.matches(".edge")) || (phone && part.matches(".phone")));
  });
  $("of").textContent = edge ? "Quality" : "JPEG quality";
  if (!edge) {
    $("about").textContent = phone
      ? `This device is the edge: it runs ${about.phone.model} up to ${about.phone.split}, sends the features by ${about.phone.codec}, and the cloud runs the rest.`
      : `This cloud stands alone: the browser sends it pictures, and it runs the whole network. ${hint()}`;
    fill($("quality"), ["50", "75", "90", "95"], "90");
    return;
  }
  const splits = Object.keys(about.splits[$("model").value]);
  fill($("split"), splits, splits.includes("blocks.3") ? "blocks.3" : splits[splits.length >> 1]);
  codecs();
}

/** The codecs that can be had at the split: those that learn of it need a profile there. */
function codecs() {
  const before = $("codec").value, ready = about.splits[$("model").value][$("split").value];
  fill($("codec"), ready, before);
  if ($("codec").value !== before) qualities();
}

function qualities() {
  const specs = about.codecs[$("codec").value];
  $("quality").replaceChildren(...specs.map((spec) => new Option(spec.split(":")[1].replace("=", " "), spec)));
  $("quality").selectedIndex = 1;
}

/** Run the picture that the page comes with. */
async function begin() {
  const answer = await fetch("sample.jpg");
  const first = await createImageBitmap(await answer.blob());
  if (photo) return; // somebody was faster
  photo = first;
  await run();
}

async function start() {
  const token = sessionStorage.token;
  const answer = await fetch("about", token ? { headers: { Authorization: `Bearer ${token}` } } : {});
  about = await answer.json();
  $("access").hidden = answer.ok;
  if (!answer.ok) return say(`Refused: ${about.refused}.`, Boolean(token));
  legend($("legend"));
  fill($("model"), Object.keys(about.sizes));
  if (about.rates) rates.between(about.rates);
  offer();
  watch($("monitor"), token);
  client = whoever();
  setting = chosen();
  await client.open();
  if (about.codecs) await client.choose();
  say("Ready: choose a picture, or the camera.");
  return about.sample ? begin() : undefined;
}

$("access").addEventListener("submit", (event) => {
  event.preventDefault();
  calm();
  sessionStorage.token = $("token").value;
  start().catch((error) => say(error.message, true));
});
$("model").addEventListener("change", changeModel);
$("way").addEventListener("change", () => { setting = chosen(); run(); });
$("codec").addEventListener("change", () => { qualities(); choose(); });
$("split").addEventListener("change", () => { codecs(); choose(); });
for (const id of ["quality", "rate"]) $(id).addEventListener("change", () => (about.codecs ? choose() : changeQuality()));
$("rate").addEventListener("input", compare); // at once, from what was measured; the link itself follows
addEventListener("resize", plot);
$("file").addEventListener("change", async () => {
  if (!$("file").files.length) return;
  calm();
  try { photo = await createImageBitmap($("file").files[0]); } catch { return say("That is no picture.", true); }
  await idle();
  return run();
});
$("camera").addEventListener("click", toggleCamera);
$("again").addEventListener("click", () => { calm(); run(); });
$("whole").addEventListener("click", () => {
  $("whole").setAttribute("aria-pressed", String($("whole").getAttribute("aria-pressed") !== "true"));
  if (latest) tell();
});
start().catch((error) => say(error.message, true));
