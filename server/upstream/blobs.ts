import type { Digest } from '../oci/digest.ts';
import type { BlobAnswer } from './client.types.ts';
import type { Ask, Granted } from './session.ts';
import { headerOf, invalidAnswer, lengthOf } from './transport.ts';

/** HEAD or GET of a blob (distribution-spec end-2), from `offset` on (RFC 9110 §14.2). */
export function blobAsk(
  upstream: string,
  method: 'GET' | 'HEAD',
  repository: string,
  { digest, offset }: { readonly digest: Digest; readonly offset: number },
): Ask {
  return {
    method,
    repository,
    path: `blobs/${digest}`,
    headers: offset > 0 ? { range: `bytes=${String(offset)}-` } : {},
    accepts: offset > 0 ? [200, 206, 416] : [200],
    isBulk: method === 'GET',
    subject: { kind: 'blob', upstream, name: `${repository}@${digest}` },
  };
}

/**
 * What a blob's answer holds; undefined for 416, when the upstream has nothing at the offset asked for.
 * @throws UpstreamError (UPSTREAM_INVALID) when it is another part than the one asked for
 */
export function readBlob({ answer }: Granted, ask: Ask, offset: number): BlobAnswer | undefined {
  const { status, body } = answer;
  if (status === 200) return { sizeBytes: lengthOf(answer), offset: 0, body };
  if (status === 206) {
    const part = readContentRange(headerOf(answer, 'content-range'));
    const length = lengthOf(answer);
    const isAsked = part?.start === offset && (part.total === undefined || part.end === part.total - 1);
    if (part !== undefined && isAsked && (length === undefined || length === part.end - part.start + 1)) {
      return { sizeBytes: part.total, offset, body };
    }
  }
  body.cancel();
  if (status === 416) return undefined;
  throw invalidAnswer(ask.subject.upstream, `sent another part of ${ask.subject.name} than the one asked for`, status);
}

/** `bytes 100-199/200`, the total perhaps `*` (RFC 9110 §14.4). */
function readContentRange(
  value: string | undefined,
): { start: number; end: number; total: number | undefined } | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(value?.trim() ?? '');
  if (match === null) return undefined;
  const [, start, end, total] = match;
  return { start: Number(start), end: Number(end), total: total === '*' ? undefined : Number(total) };
}
