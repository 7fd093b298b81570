import { crc32 } from 'node:zlib';
import { concatContent, contentOf } from './content.ts';
import type { Content } from './content.ts';

const blockBytes = 65_535;

/**
 * A gzip file that holds `content` as it is, in stored blocks: clients unpack it as any other, and still nothing has to
 * be held in memory or compressed.
 *
 *   header(10)  { last(1) length(2) ~length(2) data(≤ 65535) }*  crc32(4) size(4)      RFC 1951 §3.2.4, RFC 1952
 */
export function storedGzip(content: Content): Content {
  const parts: Content[] = [contentOf(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]))];
  const blocks = Math.max(1, Math.ceil(content.size / blockBytes));
  for (let block = 0; block < blocks; block += 1) {
    const start = block * blockBytes;
    const data = slice(content, start, Math.min(content.size, start + blockBytes));
    parts.push(contentOf(blockHeader(data.size, block === blocks - 1)), data);
  }
  return concatContent([...parts, contentOf(trailer(content))]);
}

function blockHeader(size: number, isLast: boolean): Buffer {
  const header = Buffer.alloc(5);
  header[0] = isLast ? 1 : 0;
  header.writeUInt16LE(size, 1);
  header.writeUInt16LE(0xffff - size, 3);
  return header;
}

function trailer(content: Content): Buffer {
  let checksum = 0;
  for (const piece of content.read()) checksum = crc32(piece, checksum);
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(checksum, 0);
  bytes.writeUInt32LE(content.size % 2 ** 32, 4);
  return bytes;
}

function slice(content: Content, from: number, to: number): Content {
  return { size: to - from, read: (start = 0, end = to - from) => content.read(from + start, from + end) };
}
