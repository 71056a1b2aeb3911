// What crosses from edge to cloud: the streams of all crossing tensors in one packet. See docs/bitstream.md.

const MAGIC = [0x53, 0x50];

/** A number as packets and streams hold it: seven bits a byte, the lowest first. @param {number} value */
function varint(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** The packet of one stream or more; one stream is a packet as it stands. @param {readonly Uint8Array[]} streams */
export function join(streams) {
  if (streams.length === 1) return streams[0];
  const head = Uint8Array.from([...MAGIC, ...[streams.length, ...streams.map((one) => one.length)].flatMap(varint)]);
  const packet = new Uint8Array(streams.reduce((sum, one) => sum + one.length, head.length));
  let at = 0;
  for (const part of [head, ...streams]) {
    packet.set(part, at);
    at += part.length;
  }
  return packet;
}
