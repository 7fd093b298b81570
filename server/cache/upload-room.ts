import { formatSize } from '../config/quantities.ts';
import { StorageError } from '../errors.ts';
import type { FilledBlock } from '../lib/blocks.ts';
import type { Reservation, Room } from './room.ts';
import type { Volume } from '../storage/volumes.ts';
import type { UploadBody } from './uploads.ts';

/** An upload is given room for what came of it and as much again, at most so much. */
const stepBytes = 8 * 1024 * 1024;

/** Room for what is pushed: a push that does not fit is refused, for it has nowhere else to go. */
export class UploadRoom {
  readonly #room: Room;

  constructor(room: Room) {
    this.#room = room;
  }

  /**
   * Receives a body into room on the volume that is its own; `receive` gets the blocks. Anybody can announce a size: it only
   * says that a body is too large, and nothing is evicted for bytes that did not come.
   * @throws StorageError (STORAGE_FULL) when there is no room for it, also in the middle of a body
   */
  async receive(
    body: UploadBody,
    volume: Volume,
    receive: (blocks: AsyncIterable<FilledBlock>) => Promise<void>,
  ): Promise<void> {
    const { sizeBytes, blocks } = body;
    if (sizeBytes !== undefined && !this.#room.couldFit(sizeBytes, volume)) throw this.#full(sizeBytes);
    const reservation = await this.#room.reserve(0, { volume });
    if (reservation === undefined) throw this.#full(sizeBytes);
    try {
      const isMetered = sizeBytes !== undefined || this.#room.hasCap;
      await receive(isMetered ? this.#metered(blocks, sizeBytes ?? Infinity, reservation) : blocks);
    } finally {
      reservation.release();
    }
  }

  async *#metered(
    blocks: AsyncIterable<FilledBlock>,
    sizeBytes: number,
    reservation: Reservation,
  ): AsyncGenerator<FilledBlock> {
    let received = 0;
    let reserved = 0;
    reservation.track(() => received);
    for await (const block of blocks) {
      received += block.bytes.length;
      if (received > reserved) {
        reserved = Math.min(sizeBytes, received + Math.min(stepBytes, received));
        if (!(await reservation.fit(reserved))) {
          block.lease.release();
          throw this.#full(undefined);
        }
      }
      yield block;
    }
  }

  #full(bytes: number | undefined): StorageError {
    const { refusal, capBytes, floorBytes } = this.#room.state;
    const detail = { capBytes, floorBytes, ...(bytes === undefined ? {} : { bytes }) };
    return refusal?.limit === 'cap'
      ? new StorageError(
          'STORAGE_FULL',
          `the storage cap of ${formatSize(capBytes)} leaves no room: nothing can be pushed until it is raised, or pushed content is deleted for good`,
          { detail },
        )
      : new StorageError('STORAGE_FULL', 'the disk is nearly full: nothing can be pushed until there is room', {
          detail,
        });
  }
}
