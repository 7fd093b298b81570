import type { FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Provenance } from '../cache/targets.ts';
import { MirrorError } from '../errors.ts';
import type { Lease } from '../lib/blocks.ts';
import type { RequestContext } from '../http/request-context.ts';
import { registryFailure } from './error-codes.ts';

/** The only writer of `/v2` answers. */

const bufferBytes = 1024 * 1024;
const tlsBufferBytes = 256 * 1024;

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
export function respondError(context: RequestContext, error: unknown): void {
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
  if (status === 405) headers.push('Allow', 'GET, HEAD');
  respondJson(context, status, headers, { errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] });
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

const pool: Buffer[] = [];

/**
 * Sends part of a file: reads ahead into one of two pooled buffers while the other is on its way to the kernel, which
 * costs a third of a stream's CPU. Resolves with the bytes sent.
 * @throws MirrorError (CANCELLED) when the client goes away
 */
export async function sendFile(
  response: ServerResponse,
  handle: FileHandle,
  start: number,
  end: number,
  isTls: boolean,
): Promise<number> {
  const size = isTls ? tlsBufferBytes : bufferBytes;
  const buffers = [takeBuffer(), takeBuffer()];
  let isClean = true;
  try {
    let position = start;
    let writing: Promise<void> = Promise.resolve();
    for (let turn = 0; position < end; turn += 1) {
      const buffer = buffers[turn % 2] as Buffer;
      const { bytesRead } = await handle.read(buffer, 0, Math.min(size, end - position), position);
      if (bytesRead === 0) throw new MirrorError('STORAGE_FAILED', 'the file is shorter than it was');
      await writing;
      writing = flushed(response, bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead));
      writing.catch(() => undefined);
      position += bytesRead;
    }
    await writing;
    return position - start;
  } catch (error) {
    // the kernel or TLS may still hold them
    isClean = false;
    throw error;
  } finally {
    if (isClean && pool.length < 16) pool.push(...buffers);
  }
}

function takeBuffer(): Buffer {
  return pool.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
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
