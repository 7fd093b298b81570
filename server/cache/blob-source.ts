import type { FileHandle } from 'node:fs/promises';
import type { BlobFlight } from './blob-flight.ts';

/** A blob that can be read now: its file, or the download it is still growing in. Call `close` when done. */
export type BlobSource =
  | {
      readonly kind: 'file';
      readonly handle: FileHandle;
      readonly sizeBytes: number;
      /** Hands the handle over: whoever takes it closes it. */
      detach(): FileHandle;
      close(): Promise<void>;
    }
  | {
      readonly kind: 'flight';
      readonly flight: BlobFlight;
      /** Resolves when it is in the store, or given up. */
      readonly settled: Promise<void>;
      readonly sizeBytes: number | undefined;
      close(): Promise<void>;
    };
