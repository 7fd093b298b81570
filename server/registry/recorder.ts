import type { AuditEvent, AuditEventName, Outcome } from '../audit/events.ts';
import { MirrorError } from '../errors.ts';
import type { RequestContext } from '../http/request-context.ts';
import type { Clock } from '../lib/clock.ts';
import { isExpected } from '../errors.ts';
import { registryFailure } from './error-codes.ts';

/** Where pulls are written down: the audit log and the counters. */
export interface RecorderParts {
  readonly clock: Clock;
  readonly record: (event: AuditEvent) => void;
  readonly note: (event: AuditEvent) => void;
  readonly logBug: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** What was pulled, as far as it is known before the answer. */
export interface PullSubject {
  readonly event: AuditEventName;
  readonly artifact: string;
  readonly upstream: string | undefined;
}

export interface PullResult {
  readonly outcome: Outcome;
  readonly status: number;
  readonly digest?: string | undefined;
  readonly bytes: number;
  readonly detail?: string | undefined;
  readonly code?: string | undefined;
}

/** Writes one audit event per request, whoever answered it. */
export class Recorder {
  readonly #parts: RecorderParts;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** A request that was answered. */
  pull(context: RequestContext, subject: PullSubject, result: PullResult): void {
    const { clock } = this.#parts;
    this.write({
      event: subject.event,
      at: clock.now(),
      artifact: subject.artifact,
      clientIp: context.clientIp,
      user: context.user,
      digest: result.digest,
      cached: result.outcome === 'hit' || result.outcome === 'stale',
      outcome: result.outcome,
      method: context.request.method,
      status: result.status,
      code: result.code,
      bytes: result.bytes,
      durationMs: Math.round((clock.monotonic() - context.startedAt) * 10) / 10,
      userAgent: context.userAgent,
      requestId: context.id,
      upstream: subject.upstream,
      detail: result.detail,
    });
  }

  /** A request that failed; only bugs are logged with a stack, once, here. */
  failure(context: RequestContext, subject: PullSubject, error: unknown, bytes: number): void {
    const { status, code } = registryFailure(error);
    const isGone = error instanceof MirrorError && error.code === 'CANCELLED' && context.signal.aborted;
    const known = error instanceof MirrorError ? error.code : 'INTERNAL';
    this.pull(context, subject, {
      outcome: code === 'DENIED' ? 'denied' : 'failed',
      status: isGone ? 499 : status,
      bytes,
      code: isGone ? 'CANCELLED' : known,
      detail: isGone ? 'the client closed the connection' : isExpected(error) ? error.message : 'internal error',
    });
  }

  /** Logs anything that is not a decision of ours. */
  bug(requestId: string, error: unknown): void {
    if (!isExpected(error)) this.#parts.logBug('a request failed unexpectedly', { requestId, error });
  }

  write(event: AuditEvent): void {
    this.#parts.record(event);
    this.#parts.note(event);
  }
}
