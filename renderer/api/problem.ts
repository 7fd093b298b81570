import type { Problem } from '../../server/api/contract.ts';

/** A failed call to the admin API, ready to be shown: what happened, and every single problem when there are several. */
export class ApiError extends Error {
  readonly code: string;
  /** HTTP status; 0 when there was no answer at all. */
  readonly status: number;
  readonly problems: readonly string[];
  readonly requestId: string | undefined;

  constructor(problem: Pick<Problem, 'code' | 'status' | 'detail'> & Partial<Problem>) {
    super(problem.detail);
    this.name = 'ApiError';
    this.code = problem.code;
    this.status = problem.status;
    this.problems = problem.problems ?? [];
    this.requestId = problem.requestId;
  }
}

/** The error for "no answer": the server process is gone or starting. */
export function unreachable(): ApiError {
  return new ApiError({
    code: 'WINDOW_UNREACHABLE',
    status: 0,
    detail: 'The mirror does not answer. It may be starting, or it was stopped; this page tries again by itself.',
  });
}

/** Reads an answer that is not 2xx; what is not problem JSON is described by its status. */
export function problemFrom(status: number, body: unknown): ApiError {
  if (isProblem(body)) return new ApiError(body);
  const detail =
    status === 404
      ? 'This version of the mirror does not know this request. Reload the page, or update the mirror.'
      : `The mirror answered with status ${String(status)} and no explanation. Its log says more.`;
  return new ApiError({ code: 'UNEXPECTED_ANSWER', status, detail });
}

function isProblem(body: unknown): body is Problem {
  if (typeof body !== 'object' || body === null) return false;
  return 'detail' in body && typeof body.detail === 'string' && 'code' in body && 'status' in body;
}

/** One sentence for a person, whatever was thrown. */
export function describeError(error: unknown): string {
  if (error instanceof ApiError) return asSentence(error.message);
  if (error instanceof Error) return `The window met a fault of its own: ${error.message}`;
  return 'The window met a fault of its own.';
}

/** The server's messages begin in lower case, as log lines do; a name at the beginning is left as it is. */
export function asSentence(message: string): string {
  return /^[a-z]+[ ,]/.test(message) ? message.charAt(0).toUpperCase() + message.slice(1) : message;
}
