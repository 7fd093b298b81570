import type { Lease } from '../lib/blocks.ts';
import type { UpstreamError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';

/** Headers as received, lower-case names. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Takes a piece of a body. With a lease, its memory is used again as soon as nobody retains it: keep the piece past the call
 * only by retaining the lease (or copying), and release it afterwards. A returned promise pauses the upstream.
 */
export type OnChunk = (chunk: Buffer, lease?: Lease) => Promise<void> | undefined;

/**
 * A body still on the wire. Exactly one of the methods is called, once.
 * The upstream controls every byte and the length.
 */
export interface ResponseBody {
  /**
   * Hands each piece to `onChunk` as it arrives; a returned promise pauses the upstream until it resolves.
   * Resolves with the number of bytes when the body ended in full.
   * @throws UpstreamError (UPSTREAM_UNREACHABLE when cut off, UPSTREAM_TIMEOUT when idle)
   */
  pump(onChunk: OnChunk): Promise<number>;
  /** The whole body. @throws UpstreamError (UPSTREAM_INVALID) over `limitBytes`. */
  bytes(limitBytes: number): Promise<Buffer>;
  /** Drops the rest; the connection may be closed. */
  cancel(): void;
}

/** What an upstream says about a manifest without sending it. */
export interface ManifestHead {
  /** Undefined when the upstream does not say (the header is optional for old registries). */
  readonly digest: Digest | undefined;
  readonly mediaType: string | undefined;
  readonly sizeBytes: number | undefined;
  /** Why a registry that comes before the one that answered could not be asked: it may have said something else. */
  readonly trouble?: UpstreamError;
}

export interface ManifestAnswer {
  /** Computed from the bytes; equal to the header's when there was one. */
  readonly digest: Digest;
  readonly mediaType: string | undefined;
  readonly content: Buffer;
}

export interface BlobAnswer {
  /** Bytes of the whole blob when the upstream says. */
  readonly sizeBytes: number | undefined;
  /** Where the body starts: the offset asked for when the upstream honours Range, else 0. */
  readonly offset: number;
  readonly body: ResponseBody;
}

/** Remaining pulls, from `ratelimit-*` headers of ordinary traffic. */
export interface Quota {
  readonly limit: number;
  readonly remaining: number;
  /** Seconds the window lasts. */
  readonly windowSeconds: number;
  /** `docker-ratelimit-source`: the address or account that is counted. */
  readonly source: string | undefined;
  /** Milliseconds since the epoch. */
  readonly seenAt: number;
}

/** How an upstream is doing. */
export interface UpstreamHealth {
  readonly state: 'unknown' | 'ok' | 'failing' | 'open';
  readonly lastSuccessAt: number | undefined;
  readonly lastFailureAt: number | undefined;
  readonly lastError: string | undefined;
  /** When `open` (or limited): no request goes out before this time, unless *Retry now*. */
  readonly retryAt: number | undefined;
  readonly quota: Quota | undefined;
  readonly requests: number;
  readonly failures: number;
  readonly bytesReceived: number;
}

/** Who is told what happens to an upstream in ordinary traffic, beside the requests themselves. */
export interface UpstreamWatch {
  /** An answer told the quota. */
  quota(quota: Quota): void;
  /** It failed so often that it is left alone; once, until {@link UpstreamWatch.up}. */
  down(error: UpstreamError): void;
  /** It answers again. */
  up(): void;
}

/** One step of an upstream test, in order: dns, tcp, tls, token, pull, quota. */
export interface TestStep {
  readonly step: 'dns' | 'tcp' | 'tls' | 'token' | 'pull' | 'quota';
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly durationMs: number;
  /** What was found, for a person: address, TLS version and issuer, token realm, … Never a secret. */
  readonly detail: string;
}

/**
 * One upstream registry: authentication, redirects, fallback URLs, retries, timeouts, quota and circuit breaker behind
 * the four things the cache needs. Every method throws UpstreamError
 * (UPSTREAM_UNREACHABLE | _TIMEOUT | _LIMITED | _UNAUTHORIZED | _REFUSED | _INVALID | _FAILED | _FORBIDDEN_ADDRESS),
 * or RequestError (MANIFEST_UNKNOWN | BLOB_UNKNOWN | NAME_UNKNOWN) when the upstream truthfully says "not found".
 */
export interface UpstreamClient {
  readonly name: string;
  /** HEAD …/manifests/<reference> (distribution-spec end-3). */
  headManifest(repository: string, reference: string, signal: AbortSignal): Promise<ManifestHead>;
  /** GET …/manifests/<reference>, verified against a digest reference or the digest header. */
  getManifest(repository: string, reference: string, signal: AbortSignal): Promise<ManifestAnswer>;
  /** HEAD …/blobs/<digest> (end-2); the size when the upstream says. */
  headBlob(
    repository: string,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<{ readonly sizeBytes: number | undefined }>;
  /** GET …/blobs/<digest> from `offset`; NOT verified, the caller hashes. */
  getBlob(repository: string, digest: Digest, offset: number, signal: AbortSignal): Promise<BlobAnswer>;
  /** Every tag, all pages followed (end-8a, end-8b), at most `limit`. */
  listTags(repository: string, limit: number, signal: AbortSignal): Promise<readonly string[]>;
  /** The referrers index (end-12a) or, where there is no such endpoint, the `sha256-<hex>` fallback tag; undefined when it has neither. */
  getReferrers(repository: string, digest: Digest, signal: AbortSignal): Promise<Buffer | undefined>;
  health(): UpstreamHealth;
  /**
   * Asks for an upstream that is left alone to be tried again: for content that can't be answered otherwise. One request at
   * a time goes out, half a second after the last failure at the earliest; limits it asked for itself are kept.
   */
  hasten(): void;
  /** Closes the circuit breaker: the next request goes out. */
  retryNow(): void;
  /** Step-by-step check; `repository` and `reference` are pulled when given. */
  test(
    options: { readonly repository?: string; readonly reference?: string; readonly onStep?: (step: TestStep) => void },
    signal: AbortSignal,
  ): Promise<readonly TestStep[]>;
  close(): Promise<void>;
}
