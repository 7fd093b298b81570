/**
 * Every way in which the mirror can refuse or fail. Codes are API: never renamed, never reused.
 * Two readers turn them into answers: `registry/error-codes.ts` for `/v2`, `api/serve.ts` for the admin API.
 */
export const errorCodes = [
  // the client's fault
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'DIGEST_INVALID',
  'TAG_INVALID',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_TOO_LARGE',
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'SIZE_INVALID',
  'RANGE_INVALID',
  'REQUEST_INVALID',
  'NOT_FOUND',
  'CONFLICT',
  'UNSUPPORTED',
  'UNAUTHORIZED',
  'DENIED',
  // upstream's fault
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_LIMITED',
  'UPSTREAM_UNAUTHORIZED',
  'UPSTREAM_REFUSED',
  'UPSTREAM_INVALID',
  'UPSTREAM_FAILED',
  'UPSTREAM_OFFLINE',
  'UPSTREAM_FORBIDDEN_ADDRESS',
  'CONTENT_MISMATCH',
  // ours or the machine's
  'CONFIG_INVALID',
  'DATA_DIRECTORY_NEWER',
  'DATA_DIRECTORY_IN_USE',
  'PORT_IN_USE',
  'ADDRESS_UNAVAILABLE',
  'STORAGE_FULL',
  'STORAGE_FAILED',
  'CANCELLED',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface MirrorErrorOptions {
  /** The offending value as the person wrote it; shown to them, so never a secret. */
  readonly value?: string | undefined;
  /** Machine-readable detail for the `detail` field of an answer. */
  readonly detail?: unknown;
  /** When a retry makes sense, in milliseconds from now; becomes `Retry-After`. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** Base of every expected failure: a closed code, a sentence for a person, the offending value and the cause. */
export class MirrorError extends Error {
  readonly code: ErrorCode;
  readonly value: string | undefined;
  readonly detail: unknown;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: MirrorErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.value = options.value;
    this.detail = options.detail;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The client asked for something malformed, unknown or not allowed. */
export class RequestError extends MirrorError {}

/** Settings, flags or a data directory that cannot be used; the CLI exits 2. */
export class ConfigError extends MirrorError {
  /** Every problem found, each one sentence; at least one. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options: MirrorErrorOptions & { readonly code?: ErrorCode } = {}) {
    super(options.code ?? 'CONFIG_INVALID', problems.join('\n'), options);
    this.problems = problems;
  }
}

/** An upstream could not be reached, refused, or answered nonsense. */
export class UpstreamError extends MirrorError {
  /** HTTP status the upstream answered with, when it answered at all. */
  readonly status: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: MirrorErrorOptions & { readonly status?: number | undefined } = {},
  ) {
    super(code, message, options);
    this.status = options.status;
  }
}

/** Bytes that do not hash to the digest, or do not have the size, that was promised. */
export class ContentError extends MirrorError {
  constructor(message: string, options: MirrorErrorOptions = {}) {
    super('CONTENT_MISMATCH', message, options);
  }
}

/** The disk or the database refused. */
export class StorageError extends MirrorError {}

/** True for any failure that is not a bug: its message may be shown and its stack need not be logged. */
export function isExpected(error: unknown): error is MirrorError {
  return error instanceof MirrorError && error.code !== 'INTERNAL';
}
