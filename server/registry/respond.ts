import type { ServerResponse } from 'node:http';
import type { Provenance } from '../cache/targets.ts';
import { MirrorError } from '../errors.ts';
import type { Lease } from '../lib/blocks.ts';
import type { RequestContext } from '../http/request-context.ts';
import { readBytes } from '../storage/shared-reader.ts';
import type { ReaderSeat } from '../storage/shared-reader.ts';
import { registryFailure } from './error-codes.ts';
import type { ByteRange } from './range.ts';

/** The only writer of `/v2` answers. */

/** TLS is fastest with pieces of this size. */
const tlsPieceBytes = 256 * 1024;

/** RFC 9111 (and 7234 §5.5.1): says that what follows could not be confirmed, and why. */
export function staleHeaders(provenance: Provenance): string[] {
  if (provenance.outcome !== 'stale') return [];
  const reason = provenance.reason.replace(/[^\x20-\x7e]|["\\]/g, ' ').slice(0, 200);
  return ['Warning', `110 zhi-mirror "Response is stale: ${reason}"`];
}

/** Writes a body that is in memory; HEAD gets the same headers and no body. */
export function respondBytes(context: RequestContext, status: number, headers: string[], body: Buffer): void {
  const { request, response } = context;
  response.writeHead(status, [...headers, 'Content-Length', String(body.length)]);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Writes an answer without a body. */
export function respondNothing(context: RequestContext, status: number, headers: string[]): void {
  context.response.writeHead(status, status === 204 ? headers : [...headers, 'Content-Length', '0']);
  context.response.end();
}

/** Writes JSON. */
export function respondJson(
  context: RequestContext,
  status: number,
  headers: string[],
  value: unknown,
  contentType = 'application/json',
): void {
  respondBytes(context, status, ['Content-Type', contentType, ...headers], Buffer.from(JSON.stringify(value)));
}

/** Says what failed in the specification's form; after the headers are out the transfer is broken instead, never completed. */
export function respondError(context: RequestContext, error: unknown, allow = 'GET, HEAD'): void {
  const { response } = context;
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, code } = registryFailure(error);
  const isOurs = error instanceof MirrorError && error.code !== 'INTERNAL';
  const message = isOurs ? error.message : `internal error; the log has it under request ${context.id}`;
  const detail = isOurs ? error.detail : undefined;
  const headers = ['X-Request-Id', context.id];
  if (error instanceof MirrorError && error.retryAfterMs !== undefined)
    headers.push('Retry-After', String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))));
  if (status === 405) headers.push('Allow', allow);
  if (status === 416) headers.push(...unsatisfiedRange(detail));
  respondJson(context, status, headers, { errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] });
}

/** RFC 9110 §14.4: how much there is. */
function unsatisfiedRange(detail: unknown): string[] {
  if (typeof detail !== 'object' || detail === null || !('sizeBytes' in detail)) return [];
  return ['Content-Range', `bytes */${String(detail.sizeBytes)}`];
}

/** Resolves when the response takes more, or rejects when the client is gone. */
export function writeChunk(response: ServerResponse, chunk: Buffer, lease?: Lease): Promise<void> | undefined {
  if (response.destroyed) return Promise.reject(clientGone());
  lease?.retain();
  const hasRoom = response.write(chunk, () => lease?.release());
  return hasRoom ? undefined : drained(response);
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDrain = (): void => {
      response.off('close', onClose);
      resolve();
    };
    const onClose = (): void => {
      response.off('drain', onDrain);
      reject(clientGone());
    };
    response.once('drain', onDrain);
    response.once('close', onClose);
  });
}

function clientGone(): MirrorError {
  return new MirrorError('CANCELLED', 'the client closed the connection');
}

/**
 * Sends part of a held blob: the next block is read while the one before is on its way to the kernel, which costs a third
 * of a stream's CPU. Resolves with the bytes sent.
 * @throws MirrorError (CANCELLED) when the client goes away, StorageError (STORAGE_FAILED)
 */
export async function sendBlocks(
  response: ServerResponse,
  reader: ReaderSeat,
  range: ByteRange,
  isTls: boolean,
): Promise<number> {
  const most = isTls ? tlsPieceBytes : readBytes;
  let writing: Promise<void> = Promise.resolve();
  let position = range.start;
  while (position < range.end) {
    const index = Math.floor(position / readBytes);
    const block = await reader.take(index);
    if ((index + 1) * readBytes < range.end) reader.prefetch(index + 1);
    const from = position - index * readBytes;
    const to = Math.min(readBytes, range.end - index * readBytes, from + most);
    try {
      await writing;
      writing = flushed(response, block.buffer.subarray(from, to)).finally(() => {
        block.release();
      });
    } catch (error) {
      block.release();
      throw error;
    }
    writing.catch(() => undefined);
    position += to - from;
  }
  await writing;
  return position - range.start;
}

/** Resolves when the buffer may be used again. */
function flushed(response: ServerResponse, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => {
      reject(clientGone());
    };
    if (response.destroyed) {
      reject(clientGone());
      return;
    }
    response.once('close', onClose);
    response.write(chunk, (error) => {
      response.off('close', onClose);
      if (error === null || error === undefined) resolve();
      else reject(clientGone());
    });
  });
}
