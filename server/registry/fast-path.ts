import type { IncomingMessage, ServerResponse } from 'node:http';
import { certificateUser, nextRequestId, peerAddress } from '../http/request-context.ts';
import type { Clock } from '../lib/clock.ts';
import type { Leases } from '../storage/leases.ts';
import type { PulledMarks } from '../storage/pulled-marks.ts';
import type { HotAnswer, HotAnswers } from './hot-answers.ts';
import type { Recorder } from './recorder.ts';

export interface FastPathParts {
  readonly hot: HotAnswers;
  readonly marks: PulledMarks;
  readonly leases: Leases;
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** True while the plain path may be taken: no proxies are trusted and no host names are intercepted. */
  readonly isPlain: () => boolean;
}

/**
 * Answers warm manifests and small blobs from memory before any router runs. Per request: one map lookup, one header
 * block made beforehand, one audit event. Anything unusual is left to the whole path.
 */
export class FastPath {
  readonly #parts: FastPathParts;

  constructor(parts: FastPathParts) {
    this.#parts = parts;
  }

  /** True when the request was answered. */
  tryAnswer(request: IncomingMessage, response: ServerResponse): boolean {
    const { hot, clock } = this.#parts;
    const url = request.url ?? '';
    const answer = hot.get(url);
    if (answer === undefined || !this.#isPlainRequest(request)) return false;
    const now = clock.now();
    if (now < answer.validFrom || now >= answer.validUntil) {
      hot.delete(url);
      return false;
    }
    if (answer.upstream === undefined) this.#parts.leases.note(answer.digest);
    const isHead = request.method === 'HEAD';
    response.writeHead(200, answer.headers);
    response.end(isHead ? undefined : answer.body);
    this.#record(request, answer, now, isHead ? 0 : answer.body.length);
    return true;
  }

  #isPlainRequest(request: IncomingMessage): boolean {
    const { method, headers } = request;
    return (
      (method === 'GET' || method === 'HEAD') &&
      headers['if-none-match'] === undefined &&
      headers.range === undefined &&
      this.#parts.isPlain()
    );
  }

  #record(request: IncomingMessage, answer: HotAnswer, now: number, bytes: number): void {
    const clientIp = peerAddress(request);
    const user = certificateUser(request);
    if (answer.markKey !== '')
      this.#parts.marks.note(answer.markKey, answer.repositoryId, answer.reference, now, user ?? clientIp);
    this.#parts.recorder.write({
      event: answer.event,
      at: now,
      artifact: answer.artifact,
      clientIp,
      user,
      digest: answer.digest,
      cached: true,
      outcome: 'hit',
      method: request.method,
      status: 200,
      bytes,
      durationMs: 0,
      userAgent: request.headers['user-agent'],
      requestId: nextRequestId(),
      upstream: answer.upstream,
    });
  }
}
