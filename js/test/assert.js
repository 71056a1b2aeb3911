/** @param {boolean} holds @param {string} words @returns {asserts holds} */
export default function assert(holds, words) {
  if (!holds) throw new Error(words);
}
