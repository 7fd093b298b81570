import { RequestError } from '../errors.ts';

/** A part of a blob: first byte and the byte after the last. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a `Range` header with one range (RFC 9110 §14.2). Undefined: there is none, or it is one we may ignore (another
 * unit, several ranges).
 * @throws RequestError (RANGE_INVALID) when it lies outside
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1);
  if (start >= sizeBytes || start >= end) {
    throw new RequestError(
      'RANGE_INVALID',
      `the range ${header ?? ''} lies outside the blob's ${String(sizeBytes)} bytes`,
      { detail: { sizeBytes } },
    );
  }
  return { start, end };
}

/** Whether an `If-None-Match` header names this entity tag (RFC 9110 §13.1.2, weak comparison). */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((item) => ['*', etag].includes(item.trim().replace(/^W\//, '')));
}
