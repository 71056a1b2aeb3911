// The edge of `splitwire demo`, behind a WebSocket: one answer to each message, in order.

export class Edge {
  depth = 3; // pictures of a camera under way at once
  #socket; #waiting = []; #choice;

  /** @param {() => object} choice what is selected on the page */
  constructor(choice) { this.#choice = choice; }

  async open() {
    this.#socket = new WebSocket(new URL("edge", location.href.replace(/^http/, "ws")));
    this.#socket.onmessage = (event) => this.#waiting.shift()?.resolve(JSON.parse(event.data));
    await new Promise((resolve, reject) => {
      this.#socket.onopen = resolve;
      this.#socket.onerror = () => reject(new Error("the edge does not answer"));
    });
    this.#socket.onclose = () => this.#waiting.splice(0).forEach((one) => one.reject(new Error("the edge has gone")));
  }

  close() { this.#socket?.close(); }

  #send(message) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.send(message);
    }).then((said) => { if (said.error) throw new Error(said.error); return said; });
  }

  choose() { return this.#send(JSON.stringify(this.#choice())); }

  /** @param {{ file: (quality: number) => Promise<Blob> }} shot */
  async run(shot) { return this.#send(await shot.file(0.95)); }
}
