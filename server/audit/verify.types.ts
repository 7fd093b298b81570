/** What can be wrong with a log. */
export type VerifyProblemKind =
  | 'edited'
  | 'removed'
  | 'reordered'
  | 'inserted'
  | 'truncated'
  | 'unsigned'
  | 'bad-signature'
  | 'unknown-key'
  | 'unreadable';

export interface VerifyProblem {
  readonly kind: VerifyProblemKind;
  readonly file: string;
  /** In the file, from 1. */
  readonly line: number;
  /** What and where, in words for a person. */
  readonly message: string;
}

export interface VerifiedFile {
  readonly path: string;
  readonly lines: number;
  /** Lines from before there was a chain: nothing proves them. */
  readonly notChained: number;
  readonly firstSeq?: number | undefined;
  readonly lastSeq?: number | undefined;
}

export interface VerifiedKey {
  readonly fingerprint: string;
  readonly checkpoints: number;
  /** Whether it is one of the keys that were given as this mirror's; undefined when none were given. */
  readonly isKnown?: boolean | undefined;
}

/** What a verification found; the log is whole when there are no problems. */
export interface VerifyReport {
  readonly files: readonly VerifiedFile[];
  readonly lines: number;
  readonly notChained: number;
  readonly checkpoints: number;
  /** Lines after the last checkpoint: chained, not yet signed. */
  readonly unsigned: number;
  /** Times of the first and last line, in milliseconds since the epoch. */
  readonly firstAt?: number | undefined;
  readonly lastAt?: number | undefined;
  readonly firstSeq?: number | undefined;
  readonly lastSeq?: number | undefined;
  /** Up to this line the log was deleted after its time, as a signed line of it says. */
  readonly deletedThrough?: number | undefined;
  readonly keys: readonly VerifiedKey[];
  /** At most 1000. */
  readonly problems: readonly VerifyProblem[];
  readonly problemsTotal: number;
}
