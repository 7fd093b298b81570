import { createCipheriv, createHash } from 'node:crypto';
import { digestOf } from '../../server/oci/digest.ts';
import type { Digest, DigestAlgorithm } from '../../server/oci/digest.ts';

/** Bytes that may be too many to hold: read in pieces, from any offset, as often as wanted, always the same. */
export interface Content {
  readonly size: number;
  /** The pieces of `[start, end)`; each at most 1 MiB. */
  read(start?: number, end?: number): Iterable<Buffer>;
}

const pieceBytes = 256 * 1024;
const zeros = Buffer.alloc(pieceBytes);

/** Content held in memory; a string becomes UTF-8. */
export function contentOf(bytes: Uint8Array | string): Content {
  const buffer = Buffer.from(bytes);
  return {
    size: buffer.length,
    *read(start = 0, end = buffer.length) {
      for (let at = start; at < end; at += pieceBytes) yield buffer.subarray(at, Math.min(at + pieceBytes, end));
    },
  };
}

/**
 * `size` pseudo-random bytes that depend on `seed` alone and cannot be compressed. They are computed while they are
 * read (AES in counter mode: any offset costs the same), so a GiB takes no memory.
 */
export function randomContent(seed: string, size: number): Content {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return {
    size,
    *read(start = 0, end = size) {
      const blockBytes = 16;
      const skip = start % blockBytes;
      const cipher = createCipheriv('aes-128-ctr', key, counterAt((start - skip) / blockBytes));
      if (skip > 0) cipher.update(Buffer.alloc(skip));
      for (let at = start; at < end; at += zeros.length)
        yield cipher.update(zeros.subarray(0, Math.min(zeros.length, end - at)));
    },
  };
}

function counterAt(block: number): Buffer {
  const counter = Buffer.alloc(16);
  counter.writeBigUInt64BE(BigInt(block), 8);
  return counter;
}

/** Several contents one after the other. */
export function concatContent(parts: readonly Content[]): Content {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return {
    size,
    *read(start = 0, end = size) {
      let offset = 0;
      for (const part of parts) {
        const from = Math.max(0, start - offset);
        const to = Math.min(part.size, end - offset);
        if (from < to) yield* part.read(from, to);
        offset += part.size;
      }
    },
  };
}

/** All bytes of a content that is known to be small. */
export function bytesOf(content: Content): Buffer {
  return Buffer.concat([...content.read()]);
}

/** The digest of a content, computed piece by piece. */
export function contentDigest(content: Content, algorithm: DigestAlgorithm = 'sha256'): Digest {
  if (content.size <= pieceBytes) return digestOf(bytesOf(content), algorithm);
  const hash = createHash(algorithm);
  for (const piece of content.read()) hash.update(piece);
  return `${algorithm}:${hash.digest('hex')}`;
}
