import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../server/db/database.ts';

/** What the disk has beside what the rows say. */
export interface DiskDifference {
  /** Blob files without a row, as digests. */
  readonly orphans: readonly string[];
  /** Rows without a file, or with one of another size. */
  readonly broken: readonly string[];
  /** Files in `incoming/` that are of no upload with a row. */
  readonly leftovers: readonly string[];
  /** Digests of all blobs with a row. */
  readonly rows: readonly string[];
  readonly rowBytes: number;
  readonly fileBytes: number;
}

/** Compares every file of a data directory with its rows; the mirror may run, if nothing arrives or goes meanwhile. */
export function compareDisk(dataDirectory: string): DiskDifference {
  const db = openDatabase(join(dataDirectory, 'mirror.db'), { migrate: false });
  try {
    const rows = new Map(
      db
        .prepare<[], { digest: string; size: number }>('SELECT digest, size FROM blobs')
        .all()
        .map(({ digest, size }) => [digest, size]),
    );
    const uploads = new Set(
      db
        .prepare<[], { id: string }>('SELECT id FROM uploads')
        .all()
        .map(({ id }) => `upload-${id}.part`),
    );
    const files = blobFiles(join(dataDirectory, 'blobs'));
    return {
      orphans: [...files.keys()].filter((digest) => !rows.has(digest)).sort(),
      broken: [...rows].filter(([digest, size]) => files.get(digest) !== size).map(([digest]) => digest),
      leftovers: readdirSync(join(dataDirectory, 'incoming'))
        .filter((name) => !uploads.has(name))
        .sort(),
      rows: [...rows.keys()].sort(),
      rowBytes: sum(rows.values()),
      fileBytes: sum(files.values()),
    };
  } finally {
    db.close();
  }
}

/** What {@link compareDisk} finds, beside the rows, when everything is as it should be. */
export function cleanDisk(bytes: number): Omit<DiskDifference, 'rows'> {
  return { orphans: [], broken: [], leftovers: [], rowBytes: bytes, fileBytes: bytes };
}

function blobFiles(directory: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const algorithm = path.slice(directory.length + 1).split('/')[0] ?? '';
    // while the mirror runs a file may go between the listing and this
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined) found.set(`${algorithm}:${entry.name}`, stats.size);
  }
  return found;
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}
