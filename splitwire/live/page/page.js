// The page: choices in, frames out. With an edge behind it (splitwire demo) frames go edge → cloud;
// served by a cloud alone, this browser is the client and sends the picture itself; where the cloud has a bundle for it,
// this device is the edge (phone.js).

import { Connection } from "./connection.js";
import { Phone } from "./phone.js";
import { PICTURE, pictureStream } from "./picture.js";
import { STAGES, bars, legend, milliseconds, size } from "./plots.js";
import { brief, draws, items, mark } from "./predictions.js";

const $ = (id) => document.getElementById(id);
const WAYS = ["edge only", "cloud only", "shared"];
const MOSAIC = "The channels of a feature tensor, side by side in grey";
const times = [], uploads = [];
const sheet = document.createElement("canvas"); // the picture under way; it is shown with its prediction
let about, client, photo, latest = null, busy = false, camera = null;

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

/** The edge of `splitwire demo`: one answer to each message, in order. */
class Edge {
  #socket; #waiting = [];

  async open() {
    this.#socket = new WebSocket(new URL("edge", location.href.replace(/^http/, "ws")));
    this.#socket.onmessage = (event) => this.#waiting.shift()?.resolve(JSON.parse(event.data));
    await new Promise((resolve, reject) => {
      this.#socket.onopen = resolve;
      this.#socket.onerror = () => reject(new Error("the edge does not answer"));
    });
    this.#socket.onclose = () => this.#waiting.splice(0).forEach((one) => one.reject(new Error("the edge has gone")));
  }

  send(message) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.send(message);
    }).then((said) => { if (said.error) throw new Error(said.error); return said; });
  }

  choose() {
    const [model, split, codec, link] = ["model", "split", "quality", "link"].map((id) => $(id).value);
    return this.send(JSON.stringify({ model, split, codec, link, camera: Boolean(camera) }));
  }

  async run() { return this.send(await jpeg(0.95)); }
}

/** What this browser says to a cloud that it sends pictures. */
function hello() {
  const model = $("model").value;
  return { hello: 3, model, task: about.tasks[model] ?? undefined, split: "input", codec: PICTURE };
}

/** What is on the sheet as a stream. */
async function pictured() {
  const file = await jpeg(Number($("quality").value) / 100);
  return pictureStream(new Uint8Array(await file.arrayBuffer()), sheet.height, sheet.width);
}

/** This browser without a network of its own: it computes nothing and sends the picture. */
class Browser {
  #cloud;

  async open() { this.#cloud = await Connection.open(location.href, hello(), sessionStorage.token); }

  close() { this.#cloud?.close(); }

  async choose() { this.close(); await this.open(); }

  async run() {
    const begin = performance.now(), stream = await pictured();
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

function jpeg(quality) {
  return new Promise((resolve, reject) => sheet.toBlob(
    (blob) => (blob ? resolve(blob) : reject(new Error("this browser writes no JPEG"))), "image/jpeg", quality));
}

/** Show a frame: its picture and all that was measured on it, at once and under one number. */
function show(frame) {
  times.push(STAGES.map((stage) => [stage, frame.stages[stage] ?? 0]));
  uploads.push([["edge", frame.bytes]]);
  const number = String(times.length), picture = $("picture");
  [picture.width, picture.height] = [sheet.width, sheet.height];
  picture.getContext("2d", { alpha: false }).drawImage(sheet, 0, 0);
  $("frame").style.setProperty("--aspect", sheet.dataset.aspect);
  for (const id of ["picture", "marks", "classes", "strip", "mosaic"]) $(id).dataset.frame = number;
  latest = frame;
  tell();
  bars($("times"), times, milliseconds);
  bars($("bytes"), uploads, size);
  const parts = STAGES.filter((stage) => stage in frame.stages).map((stage) => `${stage} ${milliseconds(frame.stages[stage])}`);
  $("c-time").textContent = `Latest frame: ${milliseconds(frame.total)} in all; ${parts.join(", ")}.`;
  const tensors = frame.streams?.length > 1 ? `, ${frame.streams.map(size).join(" + ")} of ${frame.streams.length} tensors` : "";
  $("c-bytes").textContent = `Latest frame: ${size(frame.bytes)} (${frame.bytes.toLocaleString("en")} bytes)${tensors}${frame.intra === false ? ", built on frames before it" : ""}.`;
  $("mosaic").replaceChildren(...(frame.mosaics ?? []).map((src) => Object.assign(new Image(), { src, alt: MOSAIC })));
  if (frame.strip) showStrip(frame.strip);
  say(frame.outcome === "answered" ? `Frame ${number} answered by the cloud.` : `Frame ${number} ${frame.outcome}: ${frame.reason ?? ""}`);
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

function showStrip(strip) {
  const known = WAYS.filter((way) => strip[way]);
  const fastest = known.reduce((a, b) => (strip[a].total <= strip[b].total ? a : b));
  $("strip").tBodies[0].replaceChildren(...known.map((way) => {
    const { total, bytes, prediction } = strip[way], row = document.createElement("tr");
    const cells = [milliseconds(total), size(bytes), brief(prediction)];
    row.className = way === fastest ? "fastest" : "";
    row.innerHTML = '<th scope="row"></th><td></td><td></td><td></td>';
    row.cells[0].textContent = way === fastest ? `${way} (fastest)` : way;
    cells.forEach((text, index) => { row.cells[index + 1].textContent = text; });
    return row;
  }));
}

async function run() {
  if (busy || !photo) return;
  busy = true;
  try {
    const size = [photo.videoWidth || photo.width, photo.videoHeight || photo.height];
    if (client.draw) client.draw(photo, ...size); else draw(photo, ...size);
    show(await client.run());
  } catch (error) {
    say(error.message, true);
  }
  busy = false;
  if (camera) requestAnimationFrame(run);
}

async function idle() {
  while (busy) await new Promise((wake) => setTimeout(wake, 20));
}

async function choose() {
  calm();
  await idle();
  busy = true;
  try { await client.choose(); } catch (error) { say(error.message, true); }
  busy = false;
  await run();
}

/** Another network may be another's to run. */
async function changeModel() {
  offer();
  if (about.codecs) return choose();
  calm();
  await idle();
  busy = true;
  client.close();
  client = whoever();
  try { await client.open(); } catch (error) { say(error.message, true); }
  busy = false;
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
  if (about.codecs) return new Edge();
  if (!isPhone()) return new Browser();
  const parts = { sheet, hello, pictured, still: () => !camera, way: () => $("way").value, told: (text) => { $("loaded").textContent = text; } };
  return new Phone(about.phone, parts, sessionStorage.token);
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
  fill($("link"), about.links, $("link").value);
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

async function start() {
  const token = sessionStorage.token;
  const answer = await fetch("about", token ? { headers: { Authorization: `Bearer ${token}` } } : {});
  about = await answer.json();
  $("access").hidden = answer.ok;
  if (!answer.ok) return say(`Refused: ${about.refused}.`, Boolean(token));
  legend($("legend"));
  fill($("model"), Object.keys(about.sizes));
  offer();
  client = whoever();
  await client.open();
  if (about.codecs) await client.choose();
  say("Ready: choose a picture, or the camera.");
  return undefined;
}

$("access").addEventListener("submit", (event) => {
  event.preventDefault();
  calm();
  sessionStorage.token = $("token").value;
  start().catch((error) => say(error.message, true));
});
$("model").addEventListener("change", changeModel);
$("way").addEventListener("change", run);
$("codec").addEventListener("change", () => { qualities(); choose(); });
$("split").addEventListener("change", () => { codecs(); choose(); });
for (const id of ["quality", "link"]) $(id).addEventListener("change", choose);
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
