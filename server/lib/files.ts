import { closeSync, fsyncSync, openSync, statfsSync } from 'node:fs';
import { mkdir, open, rename, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a rename or a new name in `directory` survive a power cut. No-op where directories can't be opened (Windows). */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The same at once, for start-up. */
export function syncDirectoryNow(directory: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Moves a fully written, synced file to its final name. The rename is the commit point: a crash before it leaves only
 * a temp file, a crash after it a whole file.
 */
export async function commitFile(from: string, to: string): Promise<void> {
  const directory = dirname(to);
  const created = await mkdir(directory, { recursive: true });
  await rename(from, to);
  await syncDirectory(directory);
  if (created !== undefined) await syncDirectory(dirname(created));
}

/** Free and total bytes of the file system that holds `path`, as an unprivileged process may use them. */
export async function diskSpace(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
  const stats = await statfs(path);
  return { freeBytes: stats.bavail * stats.bsize, totalBytes: stats.blocks * stats.bsize };
}

/** Bytes an unprivileged process may still write where `path` is; one system call, at once. */
export function freeSpace(path: string): number {
  const stats = statfsSync(path);
  return stats.bavail * stats.bsize;
}
