import { open } from 'node:fs/promises';
import { storageError } from './database.ts';
import type { Database } from './database.ts';

/**
 * Makes committed transactions survive a power cut before they are acknowledged. The database itself leaves that to its
 * checkpoints (synchronous NORMAL), which is right for what can be fetched again and wrong for what somebody pushed. One
 * flush of the write-ahead log serves everybody who waits, and nobody else waits for it.
 */
export class Durability {
  readonly #log: string;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(db: Database) {
    this.#log = `${db.name}-wal`;
  }

  /**
   * Resolves when everything committed before the call is on the disk.
   * @throws StorageError (STORAGE_FULL, STORAGE_FAILED)
   */
  flush(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    // the flush under way may have begun before the caller's commit
    const start = (): Promise<void> => {
      this.#next = undefined;
      return this.#start();
    };
    this.#next ??= this.#running.then(start, start);
    return this.#next;
  }

  #start(): Promise<void> {
    this.#running = this.#flush().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #flush(): Promise<void> {
    try {
      const handle = await open(this.#log, 'r+');
      try {
        await handle.datasync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      // no log: everything is in the database file, which the checkpoint has flushed
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, 'flushing the database');
    }
  }
}
