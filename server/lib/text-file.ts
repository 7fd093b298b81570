import { closeSync, openSync, readSync } from 'node:fs';

const blockBytes = 64 * 1024;

/**
 * The text of a small file, for start-up. Anything that can be read as a file will do, a pipe of the shell too.
 * @throws Error (ENOENT, EACCES, EISDIR, …) as the system gives it, or EFBIG when there is more than `limitBytes`
 */
export function readTextFile(path: string, limitBytes: number): string {
  const fd = openSync(path, 'r');
  try {
    const blocks: Buffer[] = [];
    for (let total = 0; total <= limitBytes;) {
      const block = Buffer.allocUnsafe(blockBytes);
      const bytes = readSync(fd, block);
      if (bytes === 0) return Buffer.concat(blocks).toString('utf8');
      blocks.push(block.subarray(0, bytes));
      total += bytes;
    }
    throw Object.assign(new Error('the file is too large'), { code: 'EFBIG' });
  } finally {
    closeSync(fd);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a folder, not a file',
  EFBIG: 'is too large to be such a file',
};

/** Why a file could not be read, to follow its path in a sentence. */
export function unreadableReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  return reasons[code] ?? `cannot be read${code === '' ? '' : ` (${code})`}`;
}
