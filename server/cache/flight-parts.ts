import type { Clock } from '../lib/clock.ts';
import type { StorageError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import type { HashPool } from '../storage/hash-pool.ts';
import type { BlobAnswer } from '../upstream/client.types.ts';
import type { PartialFile } from './partial-file.ts';

/** What a download of a blob is started with. */
export interface FlightParts {
  readonly digest: Digest;
  /** Size promised by the manifest that references the blob, when known. */
  readonly expectedBytes: number | undefined;
  /** Undefined when nothing can be kept (a full disk): bytes go through memory only. */
  readonly partial: PartialFile | undefined;
  readonly hashes: HashPool;
  readonly clock: Clock;
  /** The first answer, asked for while the partial file was opened, so that neither waits for the other. */
  readonly first: { readonly offset: number; readonly answer: Promise<BlobAnswer> } | undefined;
  /** Ends the download; its signal went with `first`. */
  readonly abort: AbortController;
  /** Asks the upstream for the blob from `offset`. */
  readonly fetch: (offset: number, signal: AbortSignal) => Promise<BlobAnswer>;
  /** Breaks allowed in mid-body before the flight fails. */
  readonly maxResumes: number;
  readonly onFetched: (bytes: number) => void;
  /** Called once when the disk refused and the rest is only passed on. */
  readonly onNotStored: (error: StorageError) => void;
}
