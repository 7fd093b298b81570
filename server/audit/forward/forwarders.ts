import type { Worker } from 'node:worker_threads';
import type { AuditReceiver } from '../../config/audit-receiver.ts';
import { StorageError } from '../../errors.ts';
import type { MirrorError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { within } from '../../lib/concurrency.ts';
import { startWorker } from '../../lib/worker.ts';
import type { AuditLog } from '../audit-log.ts';
import type { ForwardAnswer, ForwardRequest, ForwardStart } from './forward-channel.ts';
import type { ForwarderProgress } from './forwarder.ts';
import type { Sender } from './receiver.ts';

const restartMs = 5000;
const closeTimeoutMs = 5000;
/** A receiver that fails for a shorter time is no reason to trouble anybody. */
const patienceMs = 60_000;

export interface ForwardersOptions {
  readonly receivers: readonly AuditReceiver[];
  /** The log they get. */
  readonly file: string;
  readonly databasePath: string;
  readonly sender: Sender;
  readonly audit: Pick<AuditLog, 'record' | 'lastSeq'>;
  readonly clock: Clock;
  readonly onError: (error: MirrorError) => void;
}

/** A receiver and how far it is. */
export interface ReceiverState extends ForwarderProgress {
  readonly name: string;
  readonly type: AuditReceiver['type'];
  /** Where to, without a password. */
  readonly target: string;
  readonly linesBehind: number;
  readonly queueLimit: number;
  /** True when a person should look: it fails for more than a minute, or its queue is more than half full. */
  readonly isTroubled: boolean;
}

/** How a test event fared. */
export interface TestResult {
  /** Absent: the receiver took it. */
  readonly error?: string | undefined;
  readonly durationMs: number;
}

const nothingYet: ForwarderProgress = { seq: 0, bytesBehind: 0, skipped: 0 };

/** The receivers of the log, served by a thread of their own. */
export class AuditForwarders {
  readonly #options: ForwardersOptions;
  readonly #closing = new AbortController();
  readonly #tests = new Map<number, (result: TestResult) => void>();
  #progress: Readonly<Record<string, ForwarderProgress>> = {};
  #worker: Worker | undefined;
  #nextId = 1;

  constructor(options: ForwardersOptions) {
    this.#options = options;
  }

  /** Begins to send; nothing happens without receivers. */
  start(): void {
    const { receivers, file, databasePath, sender, onError, clock } = this.#options;
    if (receivers.length === 0) return;
    const data: ForwardStart = { receivers, file, databasePath, sender };
    const worker = startWorker('audit/forward/forward-worker', data);
    worker.unref();
    worker.on('message', (answer: ForwardAnswer) => {
      this.#hear(answer);
    });
    let cause: unknown;
    worker.once('error', (error) => {
      cause = error;
    });
    worker.once('exit', () => {
      this.#endTests('the sending of the audit log was stopped');
      if (this.#closing.signal.aborted) return;
      onError(new StorageError('STORAGE_FAILED', 'the sending of the audit log failed; it begins again', { cause }));
      clock.sleep(restartMs, this.#closing.signal).then(
        () => {
          this.start();
        },
        () => undefined,
      );
    });
    this.#worker = worker;
  }

  states(): ReceiverState[] {
    const { receivers, audit, clock } = this.#options;
    return receivers.map(({ name, type, url, file, queueLimit }) => {
      const progress = this.#progress[name] ?? nothingYet;
      const isLong = progress.failingSince !== undefined && clock.now() - progress.failingSince > patienceMs;
      return {
        ...progress,
        name,
        type,
        target: type === 'file' ? file : withoutPassword(url),
        linesBehind: Math.max(0, audit.lastSeq - progress.seq),
        queueLimit,
        isTroubled: isLong || progress.bytesBehind > queueLimit / 2,
      };
    });
  }

  /** Sends one test event on a connection of its own, beside the queue; the answer comes within some 15 seconds. */
  test(name: string): Promise<TestResult> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.resolve({ error: 'nothing is sent', durationMs: 0 });
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#tests.set(id, resolve);
      worker.postMessage({ op: 'test', id, name } satisfies ForwardRequest);
    });
  }

  /** Stops sending; what was not sent is sent after the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage({ op: 'close' } satisfies ForwardRequest);
    await within(ended, closeTimeoutMs);
    await worker.terminate();
  }

  #hear(answer: ForwardAnswer): void {
    if (answer.op === 'progress') this.#progress = answer.receivers;
    else if (answer.op === 'tested') {
      this.#tests.get(answer.id)?.({ error: answer.error, durationMs: answer.durationMs });
      this.#tests.delete(answer.id);
    } else this.#recordGap(answer);
  }

  #recordGap({ name, from, to, why }: Extract<ForwardAnswer, { op: 'gap' }>): void {
    const detail = `lines ${String(from)} to ${String(to)} were not sent: ${why}`;
    this.#options.onError(new StorageError('STORAGE_FAILED', `the receiver ${name} of the audit log: ${detail}`));
    this.#options.audit.record({
      event: 'audit_forward_gap',
      at: this.#options.clock.now(),
      artifact: name,
      clientIp: '',
      cached: false,
      outcome: 'failed',
      requestId: '',
      detail,
    });
  }

  #endTests(error: string): void {
    for (const end of this.#tests.values()) end({ error, durationMs: 0 });
    this.#tests.clear();
  }
}

function withoutPassword(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return url;
  parsed.password = '';
  parsed.username = '';
  // a query may hold a token
  parsed.search = parsed.search === '' ? '' : '?…';
  return decodeURI(parsed.href);
}
