import { MirrorError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

/** How a failure is told to a registry client: status and the specification's code (distribution-spec "Error Codes"). */
export interface RegistryFailure {
  readonly status: number;
  readonly code: string;
}

const internal: RegistryFailure = { status: 500, code: 'UNKNOWN' };

/**
 * Never 404 for "upstream is down": a client that hears 404 forgets the image, one that hears 5xx tries again.
 */
const failures: Readonly<Partial<Record<ErrorCode, RegistryFailure>>> = {
  NAME_INVALID: { status: 400, code: 'NAME_INVALID' },
  NAME_UNKNOWN: { status: 404, code: 'NAME_UNKNOWN' },
  DIGEST_INVALID: { status: 400, code: 'DIGEST_INVALID' },
  TAG_INVALID: { status: 400, code: 'MANIFEST_INVALID' },
  MANIFEST_INVALID: { status: 400, code: 'MANIFEST_INVALID' },
  MANIFEST_UNKNOWN: { status: 404, code: 'MANIFEST_UNKNOWN' },
  MANIFEST_BLOB_UNKNOWN: { status: 404, code: 'MANIFEST_BLOB_UNKNOWN' },
  MANIFEST_TOO_LARGE: { status: 413, code: 'MANIFEST_INVALID' },
  BLOB_UNKNOWN: { status: 404, code: 'BLOB_UNKNOWN' },
  BLOB_UPLOAD_INVALID: { status: 400, code: 'BLOB_UPLOAD_INVALID' },
  BLOB_UPLOAD_UNKNOWN: { status: 404, code: 'BLOB_UPLOAD_UNKNOWN' },
  SIZE_INVALID: { status: 400, code: 'SIZE_INVALID' },
  RANGE_INVALID: { status: 416, code: 'RANGE_INVALID' },
  REQUEST_INVALID: { status: 400, code: 'UNSUPPORTED' },
  NOT_FOUND: { status: 404, code: 'UNSUPPORTED' },
  UNSUPPORTED: { status: 405, code: 'UNSUPPORTED' },
  UNAUTHORIZED: { status: 401, code: 'UNAUTHORIZED' },
  DENIED: { status: 403, code: 'DENIED' },
  UPSTREAM_UNREACHABLE: { status: 503, code: 'UNAVAILABLE' },
  UPSTREAM_TIMEOUT: { status: 503, code: 'UNAVAILABLE' },
  UPSTREAM_OFFLINE: { status: 503, code: 'UNAVAILABLE' },
  UPSTREAM_LIMITED: { status: 429, code: 'TOOMANYREQUESTS' },
  UPSTREAM_UNAUTHORIZED: { status: 502, code: 'UPSTREAM_UNAUTHORIZED' },
  UPSTREAM_REFUSED: { status: 502, code: 'UPSTREAM_REFUSED' },
  UPSTREAM_INVALID: { status: 502, code: 'UPSTREAM_INVALID' },
  UPSTREAM_FAILED: { status: 502, code: 'UPSTREAM_FAILED' },
  UPSTREAM_FORBIDDEN_ADDRESS: { status: 502, code: 'UPSTREAM_REFUSED' },
  CONTENT_MISMATCH: { status: 502, code: 'UPSTREAM_INVALID' },
  STORAGE_FULL: { status: 507, code: 'UNAVAILABLE' },
  STORAGE_FAILED: { status: 500, code: 'UNKNOWN' },
  CANCELLED: { status: 503, code: 'UNAVAILABLE' },
};

/** Status and code for any error; a bug is 500 with nothing said about its inside. */
export function registryFailure(error: unknown): RegistryFailure {
  return error instanceof MirrorError ? (failures[error.code] ?? internal) : internal;
}
