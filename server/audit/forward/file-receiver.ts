import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ForwardLine, Receiver } from './receiver.ts';

/** Appends the lines to a file of somebody else's, who may rename or empty it; each batch is synced. */
export class FileReceiver implements Receiver {
  readonly batch = 1000;
  readonly settleMs = 0;
  readonly isLost = false;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async send(lines: readonly ForwardLine[]): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    const file = await open(this.#path, 'a+', 0o600);
    try {
      const { size } = await file.stat();
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
      // what a crash cut stays a line of its own; the whole line comes again
      const begin = size > 0 && buffer[0] !== 0x0a ? '\n' : '';
      await file.appendFile(`${begin}${lines.map(({ text }) => `${text}\n`).join('')}`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  close(): void {
    // it is closed after each batch
  }
}
