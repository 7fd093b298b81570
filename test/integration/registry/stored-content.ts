import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openDatabase } from '../../../server/db/database.ts';

/** What a data directory holds, after every file was hashed. */
export interface StoredContent {
  /** Digests of the blobs, sorted: rows and files agree, sizes and hashes are right. */
  readonly blobs: readonly string[];
  /** Digests of the manifests, sorted. */
  readonly manifests: readonly string[];
  /** Names of the files in `incoming/`, sorted. */
  readonly incoming: readonly string[];
}

/** Whether a blob's file is in its place, while the mirror runs. */
export function hasBlobFile(dataDirectory: string, digest: string): boolean {
  const [algorithm = '', hex = ''] = digest.split(':');
  return existsSync(join(dataDirectory, 'blobs', algorithm, hex.slice(0, 2), hex));
}

/** Reads the data directory of a stopped mirror and fails on a row without its file, a file without its row, a wrong size or a wrong hash. */
export async function storedContent(dataDirectory: string): Promise<StoredContent> {
  const db = openDatabase(join(dataDirectory, 'mirror.db'), { migrate: false });
  try {
    const rows = db
      .prepare<[], { digest: string; size: number }>('SELECT digest, size FROM blobs ORDER BY digest')
      .all();
    const manifests = db.prepare<[], { digest: string }>('SELECT digest FROM manifests ORDER BY digest').all();
    const files = await blobFiles(join(dataDirectory, 'blobs'));
    const expected = rows.map((row) => `${row.digest} ${String(row.size)}`);
    if (files.join() !== expected.join()) {
      throw new Error(`rows and files differ:\nrows  ${expected.join('\n      ')}\nfiles ${files.join('\n      ')}`);
    }
    return {
      blobs: rows.map((row) => row.digest),
      manifests: manifests.map((row) => row.digest),
      incoming: (await readdir(join(dataDirectory, 'incoming'))).sort(),
    };
  } finally {
    db.close();
  }
}

/** `digest size` of every blob file, sorted; the digest is computed and must be the file's name. */
async function blobFiles(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const algorithm = path.slice(directory.length + 1).split('/')[0] ?? '';
    const hash = createHash(algorithm);
    let size = 0;
    await pipeline(createReadStream(path), async (pieces: AsyncIterable<Buffer>) => {
      for await (const piece of pieces) {
        hash.update(piece);
        size += piece.length;
      }
    });
    const actual = hash.digest('hex');
    if (actual !== entry.name) throw new Error(`${path} has bytes that hash to ${actual}`);
    found.push(`${algorithm}:${actual} ${String(size)}`);
  }
  return found.sort();
}
