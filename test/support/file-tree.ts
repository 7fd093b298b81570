import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** Every file under a folder with its size, one per line, for the report of a failed test. */
export async function fileTree(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const lines = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const size = await stat(path).then(
        (found) => found.size,
        () => 0,
      );
      return `${String(size).padStart(12)}  ${relative(directory, path)}`;
    });
  return (await Promise.all(lines)).sort((a, b) => a.slice(14).localeCompare(b.slice(14))).join('\n');
}
