import type { Digest } from '../oci/digest.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { Volume } from '../storage/volumes.ts';
import type { BlobFlight } from './blob-flight.ts';
import type { PartialFile } from './partial-file.ts';
import type { Reservation, Room } from './room.ts';
import type { CacheEvents } from './targets.ts';

/** Where a download is kept, and the room that is reserved for it. */
export interface PartialPlace {
  readonly partial: PartialFile;
  readonly reservation: Reservation;
  readonly volume: Volume;
}

/** Finds places for downloads on the disk; where there is none, what comes is only passed on. */
export class PartialPlaces {
  readonly #blobs: BlobStore;
  readonly #room: Room;
  readonly #events: CacheEvents;

  constructor(parts: { readonly blobs: BlobStore; readonly room: Room; readonly events: CacheEvents }) {
    this.#blobs = parts.blobs;
    this.#room = parts.room;
    this.#events = parts.events;
  }

  /** A place for a blob of so many bytes, if that is known; undefined when the disk or the cap refuses. */
  async open(digest: Digest, volume: Volume, expectedBytes: number | undefined): Promise<PartialPlace | undefined> {
    let reservation: Reservation | undefined;
    try {
      reservation = await this.#room.reserve(expectedBytes ?? 0, { digest, volume });
      if (reservation === undefined) {
        this.#leave(digest, volume);
        const { refusal, capBytes } = this.#room.state;
        this.#warn(
          refusal?.limit === 'cap'
            ? 'the storage cap leaves no room; passing content on without keeping it'
            : 'the disk is nearly full; passing content on without keeping it',
          { digest, capBytes },
        );
        return undefined;
      }
      const partial = await this.#blobs.openPartial(digest, volume);
      if (expectedBytes === undefined || partial.offset <= expectedBytes) return { partial, reservation, volume };
      await partial.handle.truncate(0);
      return { partial: { ...partial, offset: 0 }, reservation, volume };
    } catch (error) {
      reservation?.release();
      this.#leave(digest, volume);
      this.#warn('the disk refused; passing content on without keeping it', { digest, error: String(error) });
      return undefined;
    }
  }

  /** Whether a whole download may stay: what it really weighs is known now. */
  async hasRoom({ digest, receivedBytes }: BlobFlight, place: PartialPlace | undefined): Promise<boolean> {
    if ((await place?.reservation.fit(receivedBytes)) === true) return true;
    this.#warn('there is no room for a blob; it was passed on without being kept', { digest, bytes: receivedBytes });
    return false;
  }

  /** Gives the room back; bytes that a broken download left stay counted. */
  close(digest: Digest, { reservation, volume }: PartialPlace): void {
    this.#leave(digest, volume);
    reservation.release();
  }

  #leave(digest: Digest, volume: Volume): void {
    this.#room.leave(volume.partial(digest), this.#blobs.partialBytes(digest, volume));
  }

  #warn(message: string, detail: Readonly<Record<string, unknown>>): void {
    this.#events.warn(message, detail);
  }
}
