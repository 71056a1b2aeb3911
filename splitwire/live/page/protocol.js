// A client of the cloud in the browser: docs/protocol.md and docs/bitstream.md in code.
// It sends pictures (split point "input"), for which a browser needs no network of its own.

const FRAME = 1, ANSWER = 2, REFUSAL = 3;

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

export function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function varint(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** The stream of a 3 × height × width picture: header, JPEG file, CRC-32. */
export function pictureStream(jpeg, height, width) {
  const spec = new TextEncoder().encode("picture:format=jpeg");
  const head = [0x53, 0x57, 1, spec.length, ...spec, 3, 3, ...varint(height), ...varint(width)];
  const stream = new Uint8Array(head.length + jpeg.length + 4);
  stream.set(head);
  stream.set(jpeg, head.length);
  const crc = crc32(stream.subarray(0, stream.length - 4));
  new DataView(stream.buffer).setUint32(stream.length - 4, crc, true);
  return stream;
}

export class Cloud {
  #socket; #waiting = new Map(); #next = 1; #hello = null; #agreement = 0;

  /** Connect to the cloud that served this page and agree on a network and a task. */
  async open(model, task, token) {
    const url = new URL("v1", location.href.replace(/^http/, "ws"));
    this.#socket = new WebSocket(url, ["splitwire", ...(token ? [`bearer.${token}`] : [])]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = (event) => this.#heard(event.data);
    await new Promise((resolve, reject) => {
      this.#socket.onopen = resolve;
      this.#socket.onerror = () => reject(new Error("the cloud does not answer"));
    });
    this.#socket.onclose = () => this.#lost();
    const welcome = await new Promise((resolve, reject) => {
      this.#hello = { resolve, reject };
      this.#socket.send(JSON.stringify({ hello: 3, model, task, split: "input", codec: "picture:format=jpeg" }));
    });
    if (welcome.refused) throw new Error(welcome.refused);
    this.#agreement = welcome.agreement;
  }

  close() { this.#socket.close(); }

  /** The answer to a stream: the prediction, and milliseconds. */
  ask(stream, patience = 10000) {
    const id = this.#next++;
    const message = new Uint8Array(10 + stream.length);
    const view = new DataView(message.buffer);
    view.setUint8(0, FRAME);
    view.setUint8(1, this.#agreement);
    view.setUint32(2, id);
    view.setUint32(6, patience);
    message.set(stream, 10);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, sent: performance.now() });
      this.#socket.send(message);
    });
  }

  #heard(data) {
    if (typeof data === "string") return this.#hello?.resolve(JSON.parse(data));
    const view = new DataView(data), id = view.getUint32(1), waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (view.getUint8(0) === REFUSAL) {
      return waiting?.reject(new Error(new TextDecoder().decode(new Uint8Array(data, 6))));
    }
    if (view.getUint8(0) !== ANSWER) return undefined;
    const away = performance.now() - waiting.sent;
    const [held, decode, cloud] = [5, 9, 13].map((at) => view.getUint32(at) / 1000);
    const prediction = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 17)));
    return waiting?.resolve({ prediction, away, held, decode, cloud });
  }

  #lost() {
    const error = new Error("the cloud closed the connection");
    this.#hello?.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
