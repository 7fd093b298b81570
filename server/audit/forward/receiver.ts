/** One line of the log on its way to a receiver. */
export interface ForwardLine {
  /** What a receiver drops duplicates by: the line's number in the chain, or the name of a test. */
  readonly id: string;
  readonly seq: number;
  /** The line as it stands in the log, without its end. */
  readonly text: string;
}

/** Somebody who gets the lines of the log. */
export interface Receiver {
  /** Most lines of one `send`. */
  readonly batch: number;
  /** How long after `send` a lost connection still means that lines may not have arrived, in milliseconds. */
  readonly settleMs: number;
  /** True when the connection was lost since the last `send`: what has not settled is sent again. */
  readonly isLost: boolean;
  /** Resolves when the receiver has the lines, as surely as its protocol tells. @throws Error with a reason for a person */
  send(lines: readonly ForwardLine[], signal: AbortSignal): Promise<void>;
  close(): void;
}

/** What every receiver is told of its sender. */
export interface Sender {
  readonly hostname: string;
  readonly version: string;
  /** Fingerprint of the mirror's key: with it an id is unique in the world. */
  readonly fingerprint: string;
}
