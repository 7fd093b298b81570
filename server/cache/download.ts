import type { BlobFlight } from './blob-flight.ts';
import type { PartialFile } from './partial-file.ts';
import type { PartialPlace } from './partial-places.ts';

/** A blob on its way from an upstream. */
export interface Download {
  readonly flight: BlobFlight;
  /** Names of the repositories it is for; the first one's upstream is asked. */
  readonly askedFor: Set<string>;
  /** Repositories that may serve it once it is held. */
  readonly repositoryIds: Set<number>;
  /** Settles when followers may answer. */
  readonly opened: Promise<void>;
  readonly done: Promise<void>;
  /** Undefined when nothing of it is kept. */
  readonly place: PartialPlace | undefined;
  readonly partial: PartialFile | undefined;
  users: number;
  isOver: boolean;
}
