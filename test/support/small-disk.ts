import { execFileSync } from 'node:child_process';
import { tempDirectory, atTestEnd } from './cleanup.ts';
import { runWell } from './child-process.ts';

/** Why a small file system cannot be made on this machine; undefined when it can. Tried by doing it. */
export function smallDiskMissing(): string | undefined {
  if (process.platform !== 'linux') return 'a small tmpfs needs Linux';
  if (process.getuid?.() !== 0) return 'mounting a small tmpfs needs root';
  try {
    // in a mount namespace of its own, so nothing stays behind
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', '/mnt'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'this machine does not let root mount a tmpfs';
  }
}

/** A folder on a file system of its own that holds `sizeBytes` and no more; unmounted at the end of the test. */
export async function smallDisk(sizeBytes: number): Promise<string> {
  const directory = await tempDirectory('zhi-mirror-disk');
  await runWell('mount', ['-t', 'tmpfs', '-o', `size=${String(sizeBytes)}`, 'zhi-mirror-test', directory]);
  atTestEnd(async () => {
    await runWell('umount', ['--lazy', directory]);
  });
  return directory;
}
