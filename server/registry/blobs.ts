import type { BlobCache } from '../cache/blob-cache.ts';
import type { BlobSource } from '../cache/blob-source.ts';
import type { PolicyGate } from '../cache/policy-gate.ts';
import type { Target } from '../cache/targets.ts';
import { MirrorError, RequestError, UpstreamError } from '../errors.ts';
import type { RequestContext } from '../http/request-context.ts';
import type { Clock } from '../lib/clock.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryStore } from '../storage/repository-store.ts';
import { shareReader } from '../storage/shared-reader.ts';
import type { HotAnswers } from './hot-answers.ts';
import { matchesEtag, parseRange } from './range.ts';
import type { ByteRange } from './range.ts';
import type { PullSubject, Recorder } from './recorder.ts';
import { respondBytes, sendBlocks, writeChunk } from './respond.ts';

/** Blobs up to this are answered from memory once they were asked for. */
const hotBlobBytes = 32 * 1024;

export interface BlobEndpointParts {
  readonly cache: BlobCache;
  readonly gate: PolicyGate;
  readonly hot: HotAnswers;
  readonly repositories: RepositoryStore;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly isTls: () => boolean;
}

interface Transfer {
  readonly subject: PullSubject;
  readonly digest: Digest;
  readonly cached: boolean;
  /** Changes of the hot answers before anything was looked up. */
  readonly asOf: number;
  sent: number;
}

/** `GET` and `HEAD` of `/v2/<name>/blobs/<digest>` (distribution-spec end-2), with `Range` and `If-None-Match`. */
export class BlobEndpoint {
  readonly #parts: BlobEndpointParts;

  constructor(parts: BlobEndpointParts) {
    this.#parts = parts;
  }

  /** `mayBeNew`: whether the name could be about to be pushed to; then an upstream that can't say is no reason to refuse. */
  async handle(context: RequestContext, target: Target, digest: Digest, mayBeNew: () => boolean): Promise<void> {
    const subject: PullSubject = {
      event: 'blob_pull',
      artifact: `${target.name}@${digest}`,
      upstream: target.upstream,
    };
    const asOf = this.#parts.hot.changes;
    let transfer: Transfer | undefined;
    try {
      await this.#parts.gate.assertBlob({ action: 'pull', target, user: context.user }, digest);
      if (context.request.method === 'HEAD') {
        await this.#head(context, target, digest, subject);
        return;
      }
      const { source, cached } = await this.#parts.cache.open(target, digest, context.signal);
      transfer = { subject, digest, cached, sent: 0, asOf };
      try {
        await this.#answer(context, target, source, transfer);
      } finally {
        await source.close();
      }
    } catch (failure) {
      const error =
        failure instanceof UpstreamError && mayBeNew()
          ? new RequestError('BLOB_UNKNOWN', `blob ${digest} is not held`, { value: digest })
          : failure;
      this.#parts.recorder.failure(context, subject, error, transfer?.sent ?? 0);
      throw error;
    }
  }

  async #head(context: RequestContext, target: Target, digest: Digest, subject: PullSubject): Promise<void> {
    const { sizeBytes, cached } = await this.#parts.cache.stat(target, digest, context.signal);
    const headers = blobHeaders(digest);
    if (sizeBytes !== undefined) headers.push('Content-Length', String(sizeBytes));
    context.response.writeHead(200, headers);
    context.response.end();
    this.#parts.recorder.pull(context, subject, { outcome: cached ? 'hit' : 'miss', status: 200, digest, bytes: 0 });
  }

  async #answer(context: RequestContext, target: Target, source: BlobSource, transfer: Transfer): Promise<void> {
    const { digest } = transfer;
    const headers = blobHeaders(digest);
    if (matchesEtag(context.request.headers['if-none-match'], `"${digest}"`)) {
      context.response.writeHead(304, headers);
      context.response.end();
      this.#record(context, transfer, 304);
      return;
    }
    const range =
      source.sizeBytes === undefined ? undefined : parseRange(context.request.headers.range, source.sizeBytes);
    if (source.kind === 'file' && range === undefined && source.sizeBytes <= hotBlobBytes) {
      await this.#answerSmall(context, target, source, transfer, headers);
      return;
    }
    const status = range === undefined ? 200 : 206;
    context.response.writeHead(status, [...headers, ...lengthHeaders(source.sizeBytes, range)]);
    await this.#send(context, source, range, transfer);
    await ended(context);
    this.#record(context, transfer, status);
  }

  async #answerSmall(
    context: RequestContext,
    target: Target,
    source: BlobSource & { readonly kind: 'file' },
    transfer: Transfer,
    headers: string[],
  ): Promise<void> {
    const body = Buffer.alloc(source.sizeBytes);
    const { bytesRead } = await source.handle.read(body, 0, body.length, 0);
    if (bytesRead !== body.length)
      throw new MirrorError('STORAGE_FAILED', `blob ${transfer.digest} is shorter than it was`);
    respondBytes(context, 200, headers, body);
    transfer.sent = body.length;
    this.#record(context, transfer, 200);
    const { url } = context.request;
    const repository = this.#parts.repositories.find(target.name);
    if (url === undefined || repository === undefined || transfer.asOf !== this.#parts.hot.changes) return;
    if (this.#parts.gate.isPerUser) return;
    this.#parts.hot.put(url, {
      body,
      headers: [...headers, 'Content-Length', String(body.length)],
      etag: `"${transfer.digest}"`,
      validFrom: Number.NEGATIVE_INFINITY,
      validUntil: Number.POSITIVE_INFINITY,
      repositoryId: repository.id,
      repository: repository.name,
      reference: transfer.digest,
      markKey: '',
      event: 'blob_pull',
      artifact: transfer.subject.artifact,
      digest: transfer.digest,
      upstream: transfer.subject.upstream,
    });
  }

  async #send(
    context: RequestContext,
    source: BlobSource,
    range: ByteRange | undefined,
    transfer: Transfer,
  ): Promise<void> {
    const { response } = context;
    if (source.kind === 'file') {
      const reader = await shareReader(transfer.digest, source.detach(), source.sizeBytes);
      try {
        const whole = { start: 0, end: source.sizeBytes };
        transfer.sent = await sendBlocks(response, reader, range ?? whole, this.#parts.isTls());
      } finally {
        await reader.close();
      }
      return;
    }
    response.flushHeaders();
    const follow = source.flight.follow(
      range?.start ?? 0,
      range?.end,
      (chunk, lease) => {
        transfer.sent += chunk.length;
        return writeChunk(response, chunk, lease);
      },
      context.signal,
    );
    await follow;
    if (context.signal.aborted) throw new MirrorError('CANCELLED', 'the client closed the connection');
  }

  #record(context: RequestContext, transfer: Transfer, status: number): void {
    this.#parts.recorder.pull(context, transfer.subject, {
      outcome: transfer.cached ? 'hit' : 'miss',
      status,
      digest: transfer.digest,
      bytes: transfer.sent,
    });
  }
}

function blobHeaders(digest: Digest): string[] {
  return [
    'Content-Type',
    'application/octet-stream',
    'Docker-Content-Digest',
    digest,
    'ETag',
    `"${digest}"`,
    'Accept-Ranges',
    'bytes',
  ];
}

function lengthHeaders(sizeBytes: number | undefined, range: ByteRange | undefined): string[] {
  if (sizeBytes === undefined) return [];
  if (range === undefined) return ['Content-Length', String(sizeBytes)];
  return [
    'Content-Range',
    `bytes ${String(range.start)}-${String(range.end - 1)}/${String(sizeBytes)}`,
    'Content-Length',
    String(range.end - range.start),
  ];
}

/** Resolves when the kernel has the last byte; rejects when the client went away before. */
function ended(context: RequestContext): Promise<void> {
  const { response } = context;
  return new Promise((resolve, reject) => {
    const onClose = (): void => {
      reject(new MirrorError('CANCELLED', 'the client closed the connection'));
    };
    if (response.destroyed) {
      onClose();
      return;
    }
    response.once('close', onClose);
    response.end(() => {
      response.off('close', onClose);
      resolve();
    });
  });
}
