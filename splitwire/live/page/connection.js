// A client of a cloud: docs/protocol.md in code, for browsers and for Node. It is a part of npm's package too.

const FRAME = 1, ANSWER = 2, REFUSAL = 3, PATIENCE = 10000, SLACK = 2; // milliseconds; clocks of pages are coarse

/** What a client asks for; see docs/protocol.md.
 * @typedef {{ hello: number, model: string, split: string, codec: string, task?: string, digest?: string,
 *   profiles?: string[], whole?: boolean }} Hello */

/** @typedef {{ welcome: number, agreement: number, digest: string, tensors: number[][], in_flight: number,
 *   max_message: number }} Welcome */

/** What a cloud says of a frame: its prediction, and milliseconds: of the round trip, and of what the cloud did.
 * @typedef {{ prediction: any, away: number, held: number, decode: number, cloud: number }} Answer */

/** One frame got no prediction; others are not affected. Code 0: no answer came in time. */
export class FrameError extends Error {
  /** @param {number} code @param {string} reason */
  constructor(code, reason) {
    super(reason);
    this.code = code;
  }
}

export class Connection {
  #socket; #next = 1; #closed = false;
  /** @type {Map<number, { resolve: (answer: Answer) => void, reject: (error: Error) => void, sent: number }>} */
  #waiting = new Map();
  /** @type {(() => void)[]} */ #queue = [];

  /** @param {WebSocket} socket @param {Welcome} welcome */
  constructor(socket, welcome) {
    this.#socket = socket;
    this.welcome = welcome;
    socket.onmessage = ({ data }) => this.#heard(data);
    /** Settles once the connection has ended. @type {Promise<void>} */
    this.ended = new Promise((resolve) => { socket.onclose = () => { this.#lost(); resolve(); }; });
  }

  /** Connect to a cloud, and agree.
   * @param {string | URL} address of the cloud, http or https
   * @param {Hello} hello @param {string} [token] @param {number[][]} [tensors] shapes that cross, if they are known */
  static async open(address, hello, token, tensors) {
    const url = new URL("v1", String(address).replace(/^http/, "ws"));
    const socket = new WebSocket(url, ["splitwire", ...(token ? [`bearer.${token}`] : [])]);
    socket.binaryType = "arraybuffer";
    const said = await new Promise((resolve, reject) => {
      socket.onopen = () => socket.send(JSON.stringify(hello));
      socket.onmessage = ({ data }) => resolve(data);
      socket.onerror = () => reject(new Error("the cloud does not answer"));
      socket.onclose = () => reject(new Error("the cloud closed the connection"));
      setTimeout(() => reject(new Error("the cloud does not answer")), PATIENCE);
    }).catch((error) => { socket.close(); throw error; });
    try {
      return new Connection(socket, checked(said, hello, tensors));
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /** Whether frames can be sent. */
  get open() { return !this.#closed; }

  close() { this.#socket.close(); }

  /** The answer to a packet. It waits where as many frames are under way as the cloud reads ahead.
   * @param {Uint8Array} packet @param {number} [patience] in milliseconds @returns {Promise<Answer>} */
  async ask(packet, patience = PATIENCE) {
    while (!this.#closed && this.#waiting.size >= this.welcome.in_flight) {
      await new Promise((/** @type {(_?: any) => void} */ wake) => this.#queue.push(wake));
    }
    if (this.#closed) throw new Error("the cloud closed the connection");
    const id = this.#next, message = frame(this.welcome.agreement, id, patience, packet);
    if (message.length > this.welcome.max_message) {
      throw new Error(`a frame of ${message.length} bytes: the cloud takes ${this.welcome.max_message} at most`);
    }
    this.#next = (id % 0xffffffff) + 1;
    const late = setTimeout(() => this.#settle(id)?.reject(new FrameError(0, "no answer in time")), patience);
    return new Promise((/** @type {(answer: Answer) => void} */ resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, sent: performance.now() });
      this.#socket.send(message);
    }).finally(() => clearTimeout(late));
  }

  /** Whoever waits for a frame, which no longer counts as under way. @param {number} id */
  #settle(id) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    this.#queue.shift()?.();
    return waiting;
  }

  /** @param {string | ArrayBuffer} data */
  #heard(data) {
    if (typeof data === "string" || data.byteLength < 6) return;
    const view = new DataView(data), waiting = this.#settle(view.getUint32(1));
    if (!waiting) return; // too late
    try {
      waiting.resolve(answer(view, performance.now() - waiting.sent));
    } catch (error) {
      waiting.reject(/** @type {Error} */ (error));
    }
  }

  #lost() {
    this.#closed = true;
    const error = new Error("the cloud closed the connection");
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#queue.splice(0).forEach((wake) => wake());
  }
}

/** The message of a frame. @param {number} agreement @param {number} id @param {number} patience
 * @param {Uint8Array} packet */
function frame(agreement, id, patience, packet) {
  const message = new Uint8Array(10 + packet.length), view = new DataView(message.buffer);
  view.setUint8(0, FRAME);
  view.setUint8(1, agreement);
  view.setUint32(2, id);
  view.setUint32(6, Math.max(1, Math.round(patience)));
  message.set(packet, 10);
  return message;
}

/** What a reply says; FrameError for a refusal. @param {DataView<ArrayBuffer>} view @param {number} away */
function answer(view, away) {
  const words = (/** @type {number} */ at) => new TextDecoder().decode(new Uint8Array(view.buffer, at));
  if (view.getUint8(0) === REFUSAL) throw new FrameError(view.getUint8(5), words(6));
  if (view.getUint8(0) !== ANSWER) throw new Error("the cloud sent no reply");
  const [held, decode, cloud] = [5, 9, 13].map((at) => view.getUint32(at) / 1000);
  if (decode + cloud > held + SLACK || held > away + SLACK) throw new Error("the cloud tells times that cannot be");
  return { prediction: JSON.parse(words(17)), away, held, decode, cloud };
}

/** A welcome to what was asked for. @param {string} text @param {Hello} hello @param {number[][]} [tensors]
 * @returns {Welcome} */
function checked(text, hello, tensors) {
  const said = JSON.parse(text);
  if (said.refused) throw new Error(`the cloud refused: ${said.refused}`);
  if (said.welcome !== hello.hello) throw new Error(`the cloud said no welcome of version ${hello.hello}`);
  if (hello.digest && hello.digest !== said.digest) throw new Error("the cloud welcomes to another network");
  if (tensors && JSON.stringify(tensors) !== JSON.stringify(said.tensors)) {
    throw new Error("the cloud welcomes to tensors of other shapes");
  }
  return said;
}
