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
  const span = readSpan(header);
  if (span === undefined) return undefined;
  const { first, last } = span;
  const start = first ?? Math.max(0, sizeBytes - (last ?? 0));
  const end = first === undefined || last === undefined ? sizeBytes : Math.min(sizeBytes, last + 1);
  if (start < sizeBytes && start < end) return { start, end };
  throw new RequestError(
    'RANGE_INVALID',
    `the range ${header ?? ''} lies outside the blob's ${String(sizeBytes)} bytes`,
    {
      detail: { sizeBytes },
    },
  );
}

/** First and last byte of a range, or only the last so many (`first` undefined); no range, or an invalid one, is ignored. */
function readSpan(header: string | undefined): { readonly first?: number; readonly last?: number } | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '') return last === '' ? undefined : { last: Number(last) };
  if (last === '') return { first: Number(first) };
  return Number(last) < Number(first) ? undefined : { first: Number(first), last: Number(last) };
}

/** Whether an `If-None-Match` header names this entity tag (RFC 9110 §13.1.2, weak comparison). */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((item) => ['*', etag].includes(item.trim().replace(/^W\//, '')));
}
