import type { z } from 'zod';
import { MirrorError, RequestError, ConfigError, isExpected } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { Problem } from './contract.ts';

/** How a failure is told to the window: HTTP status and a title that is the same for every failure of its code. */
interface Meaning {
  readonly status: number;
  readonly title: string;
}

const meanings: Readonly<Record<ErrorCode, Meaning>> = {
  NAME_INVALID: { status: 400, title: 'Invalid repository name' },
  NAME_UNKNOWN: { status: 404, title: 'Unknown repository' },
  DIGEST_INVALID: { status: 400, title: 'Invalid digest' },
  TAG_INVALID: { status: 400, title: 'Invalid tag' },
  MANIFEST_INVALID: { status: 400, title: 'Invalid manifest' },
  MANIFEST_UNKNOWN: { status: 404, title: 'Unknown manifest' },
  MANIFEST_BLOB_UNKNOWN: { status: 404, title: 'Missing blob' },
  MANIFEST_TOO_LARGE: { status: 413, title: 'Manifest too large' },
  BLOB_UNKNOWN: { status: 404, title: 'Unknown blob' },
  BLOB_UPLOAD_INVALID: { status: 400, title: 'Invalid upload' },
  BLOB_UPLOAD_UNKNOWN: { status: 404, title: 'Unknown upload' },
  SIZE_INVALID: { status: 400, title: 'Wrong length' },
  RANGE_INVALID: { status: 416, title: 'Invalid range' },
  REQUEST_INVALID: { status: 400, title: 'Invalid request' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  CONFLICT: { status: 409, title: 'Conflict' },
  UNSUPPORTED: { status: 405, title: 'Not supported' },
  UNAUTHORIZED: { status: 401, title: 'Login needed' },
  DENIED: { status: 403, title: 'Refused' },
  UPSTREAM_UNREACHABLE: { status: 503, title: 'Upstream not reachable' },
  UPSTREAM_TIMEOUT: { status: 503, title: 'Upstream too slow' },
  UPSTREAM_LIMITED: { status: 429, title: "Upstream's limit reached" },
  UPSTREAM_UNAUTHORIZED: { status: 502, title: 'Upstream wants a login' },
  UPSTREAM_REFUSED: { status: 502, title: 'Upstream refused' },
  UPSTREAM_INVALID: { status: 502, title: 'Upstream answered nonsense' },
  UPSTREAM_FAILED: { status: 502, title: 'Upstream failed' },
  UPSTREAM_OFFLINE: { status: 503, title: 'Upstream switched offline' },
  UPSTREAM_FORBIDDEN_ADDRESS: { status: 502, title: 'Upstream led to a forbidden address' },
  CONTENT_MISMATCH: { status: 502, title: 'Wrong content' },
  CONFIG_INVALID: { status: 400, title: 'Invalid settings' },
  DATA_DIRECTORY_NEWER: { status: 409, title: 'Data directory of a newer version' },
  DATA_DIRECTORY_IN_USE: { status: 409, title: 'Data directory in use' },
  PORT_IN_USE: { status: 409, title: 'Port in use' },
  ADDRESS_UNAVAILABLE: { status: 409, title: 'Address not available' },
  STORAGE_FULL: { status: 507, title: 'Disk full' },
  STORAGE_FAILED: { status: 500, title: 'Disk failed' },
  CANCELLED: { status: 503, title: 'Stopped' },
  INTERNAL: { status: 500, title: 'Internal error' },
};

/** Input with one or more problems, each a sentence that names its place. */
export class InvalidInput extends RequestError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('REQUEST_INVALID', problems.join('; '));
    this.problems = problems;
  }
}

/** What a schema found, in words; values are not repeated, they may be secrets. */
export function invalidInput(error: z.ZodError): InvalidInput {
  return new InvalidInput(
    error.issues.map(
      (issue) => `${issue.path.length === 0 ? 'the body' : issue.path.map(String).join('.')}: ${issue.message}`,
    ),
  );
}

/** What Fastify itself refuses: too long, not JSON, a type it does not read. */
interface FrameworkError {
  readonly code: string;
  readonly statusCode: number;
  readonly message: string;
}

/** Problem JSON (RFC 9457) for anything thrown; nothing is said about the inside of a bug. */
export function problemOf(error: unknown, requestId: string): Problem {
  if (isFrameworkError(error))
    return describe('REQUEST_INVALID', requestId, { status: error.statusCode, detail: error.message });
  if (!isExpected(error))
    return describe('INTERNAL', requestId, { detail: `internal error; the log has it under request ${requestId}` });
  return describe(error.code, requestId, { detail: error.message, problems: problemsOf(error) });
}

/** Seconds for `Retry-After`, when the failure says when. */
export function retryAfterSeconds(error: unknown): number | undefined {
  if (!(error instanceof MirrorError) || error.retryAfterMs === undefined) return undefined;
  return Math.max(1, Math.ceil(error.retryAfterMs / 1000));
}

/** True for what belongs into the log with its stack. */
export function isBug(error: unknown): boolean {
  return !isExpected(error) && !isFrameworkError(error);
}

function describe(
  code: ErrorCode,
  requestId: string,
  more: { readonly detail: string; readonly status?: number; readonly problems?: readonly string[] | undefined },
): Problem {
  const { status, title } = meanings[code];
  return {
    type: `urn:zhi-mirror:error:${code}`,
    title,
    status: more.status ?? status,
    code,
    detail: more.detail,
    ...(more.problems === undefined ? {} : { problems: [...more.problems] }),
    requestId,
  };
}

function problemsOf(error: MirrorError): readonly string[] | undefined {
  return error instanceof InvalidInput || error instanceof ConfigError ? error.problems : undefined;
}

function isFrameworkError(error: unknown): error is FrameworkError {
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return false;
  const { code, statusCode } = error;
  return (
    typeof code === 'string' &&
    code.startsWith('FST_') &&
    typeof statusCode === 'number' &&
    statusCode >= 400 &&
    statusCode < 500
  );
}
