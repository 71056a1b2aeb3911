// The stream of a picture: docs/bitstream.md in code, for a browser that sends what it sees as a JPEG file.

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function varint(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

export const PICTURE = "picture:format=jpeg"; // the codec

/** The stream of a 3 × height × width picture: header, JPEG file, CRC-32. */
export function pictureStream(jpeg, height, width) {
  const spec = new TextEncoder().encode(PICTURE);
  const head = [0x53, 0x57, 1, spec.length, ...spec, 3, 3, ...varint(height), ...varint(width)];
  const stream = new Uint8Array(head.length + jpeg.length + 4);
  stream.set(head);
  stream.set(jpeg, head.length);
  const crc = crc32(stream.subarray(0, stream.length - 4));
  new DataView(stream.buffer).setUint32(stream.length - 4, crc, true);
  return stream;
}
