// A folder that `splitwire export` wrote: its manifest, and files that are what the manifest says. See docs/bundles.md.

import { hexadecimal } from "./core.js";

const FORMAT = 1, PLAIN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** A tensor that a half takes or gives; its shape has the batch of 1 that every frame has.
 * @typedef {{ name: string, shape: number[], dtype: string, layout: string, profile: string | null }} Tensor */

/** What a bundle says of itself.
 * @typedef {object} Manifest
 * @property {number} format
 * @property {string} network
 * @property {string} digest
 * @property {string} split
 * @property {string} codec
 * @property {string} task
 * @property {string[]} labels
 * @property {import("./preprocess.js").Step[]} preprocess
 * @property {Tensor} input
 * @property {Tensor[]} crossings
 * @property {Tensor[]} outputs
 * @property {any} output
 * @property {Record<string, { size: number, sha256: string }>} files */

/** Gives the bytes of a bundle's file, by its name. @typedef {(name: string) => Promise<Uint8Array<ArrayBuffer>>} Read */

/** Reads the files of a bundle that lies under an address.
 * @param {string | URL} base the folder's, with a slash at its end
 * @param {RequestInit} [how] as `fetch` takes it: headers with a token
 * @returns {Read} */
export function fetched(base, how) {
  return async (name) => {
    const answer = await fetch(new URL(name, base), how);
    if (!answer.ok) throw new Error(`cannot fetch ${name}: ${answer.status} ${answer.statusText}`);
    return new Uint8Array(await answer.arrayBuffer());
  };
}

export class Bundle {
  #read;

  /** @param {Manifest} manifest @param {Read} read */
  constructor(manifest, read) {
    this.manifest = manifest;
    this.#read = read;
  }

  /** Open what lies at an address, or what a function reads. @param {string | URL | Read} from */
  static async open(from) {
    const read = typeof from === "function" ? from : fetched(from);
    const manifest = JSON.parse(new TextDecoder().decode(await read("manifest.json")));
    if (manifest?.format !== FORMAT) {
      throw new Error(`a manifest of format ${FORMAT} expected, not ${manifest?.format}: export the network again`);
    }
    return new Bundle(manifest, read);
  }

  /** Bytes of the files that the manifest names. @param {readonly string[]} [names] all if not given */
  size(names = Object.keys(this.manifest.files)) {
    return names.reduce((sum, name) => sum + this.manifest.files[name].size, 0);
  }

  /** The bytes of one of its files, once they are known to be those that were exported.
   * `crypto.subtle` is there on pages from https or localhost. @param {string} name */
  async file(name) {
    const said = this.manifest.files[name];
    if (!said || !PLAIN.test(name)) throw new Error(`the manifest names no file ${name}`);
    const bytes = await this.#read(name);
    const digest = hexadecimal(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
    if (bytes.length !== said.size || digest !== said.sha256) {
      throw new Error(`${name} is not the file that was exported: its size or its SHA-256 is another`);
    }
    return bytes;
  }
}
