// Splitwire in JavaScript: an edge in a browser or in Node. connection.js is the cloud's page's own, which
// `npm run build` puts beside these.

export { Bundle, fetched } from "./bundle.js";
export { CodecError, Core } from "./core.js";
export { Connection, FrameError } from "./connection.js";
export { Edge } from "./edge.js";
export { Half } from "./half.js";
export { Local, classification, predicts } from "./local.js";
export { preprocess } from "./preprocess.js";
export { loadRuntime, providers } from "./runtime.js";
