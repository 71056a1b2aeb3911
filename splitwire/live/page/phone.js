// This device as the edge: its half of the network, its codec, its bytes; and, where no cloud answers, both halves here.
// What runs them (npm's package) and the bundle come from the cloud that served this page, and the browser keeps them.

import { size } from "./plots.js";

const PATIENCE = 3000, AGAIN = 1000, EVERY = 10; // milliseconds; frames of a camera between two comparisons
const RUNTIME = "onnxruntime-web/dist/";

/** A connection that is made again whenever it has ended. */
class Link {
  #make; #connection = null; #closed = false;

  constructor(make) { this.#make = make; }

  /** Connect; fails if the first time fails. */
  async open() {
    this.#connection = await this.#make();
    this.#stay();
  }

  close() {
    this.#closed = true;
    this.#connection?.close();
  }

  async ask(packet) {
    if (!this.#connection?.open) throw new Error("the cloud does not answer");
    return this.#connection.ask(packet, PATIENCE);
  }

  async #stay() {
    await this.#connection.ended;
    while (!this.#closed && !this.#connection.open) {
      await new Promise((wake) => setTimeout(wake, AGAIN));
      this.#connection = await this.#make().catch(() => this.#connection);
    }
    if (!this.#closed) this.#stay();
  }
}

export class Phone {
  depth = 1;
  #where; #page; #token; #edge; #local = null; #links; #picture; #seen = 0;

  /** `where` the cloud says all lies; `page`: the sheet, what is sent by way of a picture, and what is chosen. */
  constructor(where, page, token) {
    this.#where = where;
    this.#page = page;
    this.#token = token;
  }

  /** Load what runs the first half, and the half; the second follows while pictures are run. */
  async open() {
    const from = (name) => new URL(this.#where.modules + name, location.href).href;
    this.#page.told("Loading this device's half of the network …");
    const [library, runtime] = await Promise.all([import(from("splitwire/index.js")), import(from(`${RUNTIME}ort.wasm.bundle.min.mjs`))]);
    Object.assign(runtime.env.wasm, { numThreads: 1, wasmPaths: { wasm: from(`${RUNTIME}ort-wasm-simd-threaded.wasm`) } });
    const token = this.#token;
    const bundle = await library.Bundle.open(await keeping(new URL(this.#where.bundle, location.href), token));
    const core = await library.Core.load(await (await fetch(from("splitwire/splitwire.wasm"))).arrayBuffer());
    const edge = this.#edge = await library.Edge.open(bundle, core, runtime);
    this.#links = {
      shared: new Link(() => library.Connection.open(location.href, edge.hello, token, edge.tensors)),
      "cloud only": new Link(() => library.Connection.open(location.href, this.#page.hello(), token)),
    };
    await Promise.all(Object.values(this.#links).map((link) => link.open()));
    this.#second(library, bundle, runtime);
  }

  /** The second half, where predictions can be made here. */
  async #second(library, bundle, runtime) {
    this.#page.told(loaded());
    if (!library.predicts(bundle.manifest.task)) return;
    this.#page.told(`${loaded()} The second half follows: ${size(bundle.size(["cloud.onnx"]))}.`);
    try {
      this.#local = await library.Local.open(bundle, runtime);
      this.#page.told(`${loaded()} Without the cloud this device runs both halves.`);
    } catch (error) {
      this.#page.told(`${loaded()} No second half here: ${error.message}.`);
    }
  }

  close() { Object.values(this.#links ?? {}).forEach((link) => link.close()); }

  async choose() {} // the way is asked for at each frame

  /** The picture that the network takes, on the sheet: the same pixels as at an edge in Python. */
  draw(source, width, height) {
    const { sheet } = this.#page, whole = Object.assign(document.createElement("canvas"), { width, height });
    const context = whole.getContext("2d", { alpha: false, willReadFrequently: true });
    context.drawImage(source, 0, 0);
    this.#picture = this.#edge.picture(context.getImageData(0, 0, width, height));
    const [, , ...sides] = this.#edge.input;
    [sheet.height, sheet.width] = sides;
    sheet.dataset.aspect = sheet.width / sheet.height;
    sheet.getContext("2d", { alpha: false }).putImageData(shown(this.#picture, ...sides), 0, 0);
  }

  /** Run the picture as it is chosen; of a picture that stands still, and of some of a camera's, the other ways too. */
  async run() {
    const way = this.#page.way(), frame = await this.#way(way);
    if (!this.#page.still() && this.#seen++ % EVERY) return frame;
    const strip = { [way]: frame };
    for (const other of ["shared", "cloud only", "edge only"]) {
      if (strip[other] || (other === "edge only" && !this.#local)) continue;
      const found = await this.#way(other);
      if (found.outcome !== "finished here") strip[other] = found;
    }
    if (frame.outcome !== "answered") delete strip[way];
    return { ...frame, strip };
  }

  async #way(way) {
    const begin = performance.now(), stages = {};
    const timed = async (stage, done) => {
      const from = performance.now(), result = await done();
      stages[stage] = performance.now() - from;
      return result;
    };
    const start = () => timed("edge", () => this.#edge.start(this.#picture));
    const here = async (features) => timed("cloud", () => this.#local.predict(features));
    const told = (outcome, bytes, prediction, reason) => ({ outcome, reason, bytes, stages, prediction, total: performance.now() - begin });
    if (way === "edge only") return told("answered", 0, await here(await start()));
    const features = way === "shared" ? await start() : null;
    const packet = await timed("encode", () => (features ? this.#edge.encode(features) : this.#page.pictured()));
    try {
      const answer = await this.#links[way].ask(packet);
      Object.assign(stages, { link: answer.away - answer.held, decode: answer.decode, cloud: answer.cloud });
      return told("answered", packet.length, answer.prediction);
    } catch (error) {
      if (!this.#local) throw new Error(`${error.message}, and the second half of the network is not here`);
      return told("finished here", 0, await here(features ?? await start()), error.message);
    }
  }
}

/** A picture in planes as pixels of a canvas. */
function shown(picture, height, width) {
  const image = new ImageData(width, height), plane = width * height;
  image.data.forEach((_, at) => { image.data[at] = at % 4 === 3 ? 255 : picture[(at % 4) * plane + (at >> 2)]; });
  return image;
}

let kept = 0; // bytes of bundles that were here before

/** Reads the files under an address, and keeps them, which browsers do by themselves with small files only.
 * Of other addresses, as of a bundle of before, nothing is kept any longer. */
async function keeping(base, token) {
  const cache = await caches.open("splitwire"), how = token ? { headers: { Authorization: `Bearer ${token}` } } : {};
  for (const request of await cache.keys()) if (!request.url.startsWith(base.href)) await cache.delete(request);
  return async (name) => {
    const url = new URL(name, base).href, before = await cache.match(url);
    const answer = before ?? await fetch(url, how);
    if (!answer.ok) throw new Error(`cannot fetch ${name}: ${answer.status}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (before) kept += bytes.length; else await cache.put(url, new Response(bytes)).catch(() => {}); // no room is no harm
    return bytes;
  };
}

/** What was loaded for this page, and what the browser had kept, in words. */
function loaded() {
  const parts = performance.getEntriesByType("resource");
  const sent = parts.reduce((sum, { transferSize }) => sum + transferSize, 0);
  const before = parts.reduce((sum, { transferSize, encodedBodySize }) => sum + (transferSize ? 0 : encodedBodySize), kept);
  return before ? `Loaded ${size(sent)}; ${size(before)} were kept from before.` : `Loaded ${size(sent)}, kept for the next time.`;
}
