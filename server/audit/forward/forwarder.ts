import type { Clock } from '../../lib/clock.ts';
import type { LogReader } from './log-reader.ts';
import type { Receiver } from './receiver.ts';

const pollMs = 250;
const firstRetryMs = 1000;
const maxRetryMs = 60_000;
const measureMs = 1000;
/** What is beyond its limit goes down to this share of it, so that the log is not told of every single line. */
const keptShare = 0.9;

/** Where a receiver's cursor is kept. */
export interface CursorStore {
  load(): { readonly seq: number; readonly skipped: number } | undefined;
  save(cursor: { readonly seq: number; readonly skipped: number }): void;
}

export interface ForwarderOptions {
  readonly receiver: Receiver;
  readonly reader: LogReader;
  readonly cursor: CursorStore;
  readonly clock: Clock;
  /** Bytes that it may be behind. */
  readonly queueLimit: number;
  /** Told of lines that the receiver will not get. */
  readonly onGap: (from: number, to: number, why: string) => void;
}

/** How far a receiver is. */
export interface ForwarderProgress {
  /** Last line it has. */
  readonly seq: number;
  readonly bytesBehind: number;
  /** Lines it will never get, since the beginning. */
  readonly skipped: number;
  /** Why it does not go on; absent: it does. */
  readonly error?: string | undefined;
  readonly failingSince?: number | undefined;
  readonly lastSentAt?: number | undefined;
}

/**
 * Brings one receiver every line of the log, in order, each at least once: the log's files are the queue, a number in the
 * database is where it is in it. Lines are left out only when they are gone, or more than the limit wait.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  /** Sent, not yet sure to have arrived. */
  #unsettled: { readonly seq: number; readonly at: number }[] = [];
  #sent: number;
  #seq: number;
  #saved: number;
  #skipped: number;
  #error: string | undefined;
  #failingSince: number | undefined;
  #lastSentAt: number | undefined;
  #bytesBehind = 0;
  #measuredAt = Number.NEGATIVE_INFINITY;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    const { seq, skipped } = options.cursor.load() ?? { seq: 0, skipped: 0 };
    this.#sent = seq;
    this.#seq = seq;
    this.#saved = seq;
    this.#skipped = skipped;
  }

  get progress(): ForwarderProgress {
    return {
      seq: this.#seq,
      bytesBehind: this.#bytesBehind,
      skipped: this.#skipped,
      error: this.#error,
      failingSince: this.#failingSince,
      lastSentAt: this.#lastSentAt,
    };
  }

  /** Sends until `signal` is aborted; a receiver that fails is tried again after 1 s, later after at most a minute. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, receiver, reader } = this.#options;
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      const done = await this.#step(signal);
      if (done === 'failed') {
        await clock.sleep(retryMs, signal).catch(() => undefined);
        retryMs = Math.min(maxRetryMs, retryMs * 2);
      } else retryMs = firstRetryMs;
      if (done === 'idle') await clock.sleep(pollMs, signal).catch(() => undefined);
    }
    this.#settle(true);
    reader.close();
    receiver.close();
  }

  async #step(signal: AbortSignal): Promise<'sent' | 'idle' | 'failed'> {
    const { receiver, reader, clock } = this.#options;
    try {
      this.#settle(false);
      this.#heedLimit();
      const lines = reader.read(this.#sent, receiver.batch);
      const [first] = lines;
      const last = lines.at(-1);
      if (first === undefined || last === undefined) {
        if (this.#error !== undefined && this.#unsettled.length === 0) this.#well();
        return 'idle';
      }
      if (first.seq > this.#sent + 1) this.#skip(first.seq - 1, 'they are not in the log any more');
      await receiver.send(lines, signal);
      this.#sent = last.seq;
      this.#unsettled.push({ seq: last.seq, at: clock.monotonic() });
      this.#lastSentAt = clock.now();
      this.#well();
      this.#settle(false);
      return 'sent';
    } catch (error) {
      this.#error = error instanceof Error ? error.message : String(error);
      this.#failingSince ??= clock.now();
      this.#again();
      return 'failed';
    }
  }

  #well(): void {
    this.#error = undefined;
    this.#failingSince = undefined;
  }

  /** Takes what was sent long enough ago as received; what was under way when the connection broke is sent again. */
  #settle(isEnd: boolean): void {
    const { receiver, cursor, clock } = this.#options;
    if (receiver.isLost && !isEnd) this.#again();
    const before = clock.monotonic() - receiver.settleMs;
    while (this.#unsettled[0] !== undefined && this.#unsettled[0].at <= before)
      this.#seq = this.#unsettled.shift()?.seq ?? this.#seq;
    if (this.#seq === this.#saved) return;
    cursor.save({ seq: this.#seq, skipped: this.#skipped });
    this.#saved = this.#seq;
  }

  #again(): void {
    this.#unsettled = [];
    this.#sent = this.#seq;
  }

  #heedLimit(): void {
    const { reader, queueLimit, clock } = this.#options;
    if (clock.monotonic() - this.#measuredAt < measureMs) return;
    this.#measuredAt = clock.monotonic();
    this.#bytesBehind = reader.bytesBehind();
    if (this.#bytesBehind <= queueLimit) return;
    const through = reader.seqBefore(Math.floor(queueLimit * keptShare));
    if (through > this.#sent) this.#skip(through, 'more lines were waiting than its limit allows');
  }

  #skip(through: number, why: string): void {
    const from = this.#sent + 1;
    // before a receiver has its first line, what was deleted is none of its business
    if (this.#sent > 0 || this.#saved > 0) {
      this.#skipped += through - this.#sent;
      this.#options.onGap(from, through, why);
    }
    this.#unsettled = [];
    this.#sent = through;
    this.#seq = through;
  }
}
