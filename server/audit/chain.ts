import { hash } from 'node:crypto';

/**
 * The hash chain over the lines of the log. Each line ends with its number and the SHA-256 of the line before it:
 *
 *     {"event":…,"detail":…,"seq":41,"prev":"<sha256 of line 40>"}\n
 *     {"event":…,"detail":…,"seq":42,"prev":"<sha256 of line 41>"}\n      hashed without the line end
 *
 * Line 1 has 64 zeros. A signed line goes on after `prev` with the key and a signature of all before the signature.
 */
export interface ChainHead {
  /** Number of the last line; 0 before the first. */
  readonly seq: number;
  /** SHA-256 of the last line, in hex. */
  readonly hash: string;
}

/** What a line says of its place in the chain. */
export interface Seal {
  readonly seq: number;
  readonly prev: string;
  /** Of a signed line: the public key (32 bytes) and the signature (64 bytes), in base64. */
  readonly key?: string | undefined;
  readonly signature?: string | undefined;
}

/** Lines with their place in the chain. */
export interface ChainedLines {
  readonly bytes: Buffer;
  readonly head: ChainHead;
}

/** Before the first line. */
export const chainStart: ChainHead = { seq: 0, hash: '0'.repeat(64) };

const lineEnd = 0x0a;
const closingBrace = 0x7d;
/** `,"seq":` + 16 digits + `,"prev":"` + 64 + `"`. */
const maxSealBytes = 97;
/** Longer than any seal with key and signature. */
const tailBytes = 320;
const sealPattern =
  /,"seq":(\d{1,16}),"prev":"([0-9a-f]{64})"(?:,"key":"([A-Za-z0-9+/]{43}=)","signature":"([A-Za-z0-9+/]{86}==)")?\}$/;

/** SHA-256 of a line without its end, in hex. */
export function lineHash(line: Uint8Array): string {
  return hash('sha256', line, 'hex');
}

/** Gives each line of `bytes` (whole lines, each a JSON object) its place after `head`. */
export function chainLines(bytes: Uint8Array, head: ChainHead): ChainedLines {
  const out = Buffer.allocUnsafe(bytes.length + countLines(bytes) * maxSealBytes);
  let { seq, hash: prev } = head;
  let length = 0;
  for (let start = 0, end = bytes.indexOf(lineEnd); end >= 0; start = end + 1, end = bytes.indexOf(lineEnd, start)) {
    const begin = length;
    seq += 1;
    // all but the closing brace
    out.set(bytes.subarray(start, end - 1), length);
    length += end - 1 - start;
    length += out.write(`,"seq":${String(seq)},"prev":"${prev}"`, length, 'latin1');
    out[length++] = closingBrace;
    prev = lineHash(out.subarray(begin, length));
    out[length++] = lineEnd;
  }
  return { bytes: out.subarray(0, length), head: { seq, hash: prev } };
}

/** What a line, without its end, says of its place; undefined when it was written before there was a chain, or by somebody else. */
export function readSeal(line: Buffer): Seal | undefined {
  // quotes inside of texts are escaped, so nothing a client sends can look like this
  const match = sealPattern.exec(line.toString('latin1', Math.max(0, line.length - tailBytes)));
  if (match === null) return undefined;
  const [, seq, prev = '', key, signature] = match;
  return { seq: Number(seq), prev, key, signature };
}

/** Bytes of the first `count` lines. */
export function bytesOfLines(bytes: Uint8Array, count: number): number {
  let end = 0;
  for (let line = 0; line < count; line += 1) end = bytes.indexOf(lineEnd, end) + 1;
  return end;
}

/** How many line ends there are. */
export function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let end = bytes.indexOf(lineEnd); end >= 0; end = bytes.indexOf(lineEnd, end + 1)) count += 1;
  return count;
}
