import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { UploadBody } from '../cache/uploads.ts';
import { MirrorError, RequestError } from '../errors.ts';
import { takeRawBody } from '../http/raw-body.ts';
import { BlockPool, gatherBlocks } from '../lib/blocks.ts';
import type { FilledBlock } from '../lib/blocks.ts';

/** A sender that says nothing for this long is gone. */
const silenceMs = 300_000;
/** What is sent gathers in blocks of this before it is written and hashed. */
const blockBytes = 512 * 1024;
/** Unused blocks kept for a while: 16 MiB. */
const freeBlocks = 32;
/** Smaller bodies are read before they could be taken over. */
const rawAtLeastBytes = 256 * 1024;

/** All uploads share one pool: memory follows what is under way. */
const pool = new BlockPool(blockBytes, freeBlocks);

/** The body of a request, to be read once; undefined when the client announced that there is none. */
export function bodyOf(request: IncomingMessage): UploadBody | undefined {
  const sizeBytes = announcedSize(request);
  if (sizeBytes === 0 || (sizeBytes === undefined && request.headers['transfer-encoding'] === undefined))
    return undefined;
  return uploadOf(request, sizeBytes);
}

/** The same where a body is expected: none is an empty one. */
export function wholeBodyOf(request: IncomingMessage): UploadBody {
  return bodyOf(request) ?? uploadOf(request, 0);
}

/**
 * Reads a small body.
 * @throws RequestError (MANIFEST_TOO_LARGE), MirrorError (CANCELLED)
 */
export async function readManifestBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  if ((announcedSize(request) ?? 0) > limitBytes) throw tooLarge(limitBytes);
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of piecesOf(request)) {
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

function uploadOf(request: IncomingMessage, sizeBytes: number | undefined): UploadBody {
  return {
    blocks:
      (sizeBytes ?? 0) < rawAtLeastBytes ? gatherBlocks(piecesOf(request), pool) : blocksOf(request, sizeBytes ?? 0),
    sizeBytes,
    interrupt: () => {
      request.destroy();
    },
  };
}

function piecesOf(request: IncomingMessage): AsyncIterable<Buffer> {
  request.setTimeout(silenceMs, () => {
    request.destroy();
  });
  // the connection outlives a body that is not read to its end: the client must hear why
  return request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

/** A large body of known size: past the parser where that is possible. */
async function* blocksOf(request: IncomingMessage, sizeBytes: number): AsyncGenerator<FilledBlock, void, undefined> {
  // out of the parser's turn
  await nextTurn();
  const head: Buffer[] = [];
  let leftBytes = sizeBytes;
  for (let piece: unknown = request.read(); piece instanceof Buffer; piece = request.read()) {
    head.push(piece);
    leftBytes -= piece.length;
  }
  const raw = takeRawBody(request, { pool, leftBytes, head, silenceMs });
  if (raw === undefined) {
    yield* gatherBlocks(headAnd(head, piecesOf(request)), pool);
    return;
  }
  try {
    for (let block = await raw.next(); block !== undefined; block = await raw.next()) yield block;
  } finally {
    raw.stop();
  }
}

async function* headAnd(head: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  yield* head;
  yield* rest;
}

function tooLarge(limitBytes: number): RequestError {
  return new RequestError('MANIFEST_TOO_LARGE', `a manifest has at most ${String(limitBytes)} bytes`, {
    detail: { limitBytes },
  });
}
