import { formatSize } from '../config/quantities.ts';
import { StorageError } from '../errors.ts';
import type { FilledBlock } from '../lib/blocks.ts';
import type { Reservation, Room } from './room.ts';
import type { UploadBody } from './uploads.ts';

/** An upload that says no size is given room in pieces of this. */
const stepBytes = 8 * 1024 * 1024;

/** Room for what is pushed: a push that does not fit is refused, for it has nowhere else to go. */
export class UploadRoom {
  readonly #room: Room;

  constructor(room: Room) {
    this.#room = room;
  }

  /**
   * Receives a body into room that is its own; `receive` gets the blocks.
   * @throws StorageError (STORAGE_FULL) when there is no room for it, also in the middle of a body that told no size
   */
  async receive(body: UploadBody, receive: (blocks: AsyncIterable<FilledBlock>) => Promise<void>): Promise<void> {
    const reservation = await this.#room.reserve(body.sizeBytes ?? 0);
    if (reservation === undefined) throw this.#full(body.sizeBytes);
    try {
      const isOpen = body.sizeBytes === undefined && this.#room.hasCap;
      await receive(isOpen ? this.#metered(body.blocks, reservation) : body.blocks);
    } finally {
      reservation.release();
    }
  }

  async *#metered(blocks: AsyncIterable<FilledBlock>, reservation: Reservation): AsyncGenerator<FilledBlock> {
    let received = 0;
    let reserved = 0;
    for await (const block of blocks) {
      received += block.bytes.length;
      if (received > reserved) {
        reserved = received + stepBytes;
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
          `the storage cap of ${formatSize(capBytes)} leaves no room: nothing can be pushed until it is raised or content is deleted`,
          { detail },
        )
      : new StorageError('STORAGE_FULL', 'the disk is nearly full: nothing can be pushed until there is room', {
          detail,
        });
  }
}
