import type { IncomingMessage } from 'node:http';
import type { UploadBody } from '../cache/uploads.ts';
import { MirrorError, RequestError } from '../errors.ts';

/** A sender that says nothing for this long is gone. */
const silenceMs = 300_000;

/** The body of a request, to be read once; undefined when the client announced that there is none. */
export function bodyOf(request: IncomingMessage): UploadBody | undefined {
  const sizeBytes = announcedSize(request);
  if (sizeBytes === 0 || (sizeBytes === undefined && request.headers['transfer-encoding'] === undefined))
    return undefined;
  return streamOf(request, sizeBytes);
}

/** The same where a body is expected: none is an empty one. */
export function wholeBodyOf(request: IncomingMessage): UploadBody {
  return bodyOf(request) ?? streamOf(request, 0);
}

/**
 * Reads a small body.
 * @throws RequestError (MANIFEST_TOO_LARGE), MirrorError (CANCELLED)
 */
export async function readManifestBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const body = wholeBodyOf(request);
  if ((body.sizeBytes ?? 0) > limitBytes) throw tooLarge(limitBytes);
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of body.chunks) {
      size += piece.length;
      if (size > limitBytes) throw tooLarge(limitBytes);
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof MirrorError) throw error;
    throw new MirrorError('CANCELLED', 'the client closed the connection before everything was sent', { cause: error });
  }
  return Buffer.concat(pieces);
}

function announcedSize(request: IncomingMessage): number | undefined {
  const header = request.headers['content-length'];
  return header === undefined ? undefined : Number(header);
}

function streamOf(request: IncomingMessage, sizeBytes: number | undefined): UploadBody {
  request.setTimeout(silenceMs, () => {
    request.destroy();
  });
  return {
    // the connection outlives a body that is not read to its end: the client must hear why
    chunks: request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>,
    sizeBytes,
    interrupt: () => {
      request.destroy();
    },
  };
}

function tooLarge(limitBytes: number): RequestError {
  return new RequestError('MANIFEST_TOO_LARGE', `a manifest has at most ${String(limitBytes)} bytes`, {
    detail: { limitBytes },
  });
}
