import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../config/schema.ts';
import type { Database } from '../db/database.ts';
import { storageError } from '../db/database.ts';
import { syncDirectoryNow } from '../lib/files.ts';
import type { Layout } from './layout.ts';
import { Volumes, volumeAt } from './volumes.ts';
import type { FoundVolume, Volume } from './volumes.ts';

interface Row {
  readonly id: number;
  readonly directory: string;
  readonly mark: string;
}

/** Says whose directory it is: what lies on the mount point of a disk that is not there has another one, or none. */
const markName = 'volume.id';

/**
 * The layout with the directories of `storagePaths`, and those that blobs are still in. One that is used for the first time is
 * made; one that held blobs before must be the same again, else nothing of it is believed, and nothing forgotten.
 * @throws StorageError when the database can't be written
 */
export function openVolumes(db: Database, layout: Layout, storagePaths: Settings['storagePaths']): Layout {
  try {
    const add = db.prepare("INSERT INTO volumes (directory, mark) VALUES (?, '') ON CONFLICT DO NOTHING");
    for (const { directory } of storagePaths) add.run(directory);
    const rows = db.prepare<[], Row>('SELECT id, directory, mark FROM volumes ORDER BY id').all();
    const found = rows.flatMap((row) => openVolume(db, row, storagePaths));
    const prefixes = storagePaths.flatMap(({ prefix, directory }) =>
      found.flatMap(({ volume }) => (volume.directory === directory ? [{ prefix, volume }] : [])),
    );
    return { ...layout, volumes: new Volumes(layout.volumes.storage, found, prefixes) };
  } catch (error) {
    throw storageError(error, 'opening the directories of storagePaths');
  }
}

function openVolume(db: Database, row: Row, storagePaths: Settings['storagePaths']): FoundVolume[] {
  const volume = volumeAt(row.id, row.directory);
  const isUsed =
    db
      .prepare<[number, number], { one: number }>(
        'SELECT 1 AS one FROM blobs WHERE volume = ? UNION ALL SELECT 1 FROM uploads WHERE volume = ? LIMIT 1',
      )
      .get(row.id, row.id) !== undefined;
  const isNamed = storagePaths.some(({ directory }) => directory === row.directory);
  if (!isUsed && !isNamed) return [];
  return [{ volume, problem: problemOf(db, row, { volume, isUsed }) }];
}

function problemOf(
  db: Database,
  { id, mark }: Row,
  { volume, isUsed }: { readonly volume: Volume; readonly isUsed: boolean },
): string | undefined {
  try {
    const found = readMark(volume);
    if (isUsed && found !== mark) return 'is not the directory its blobs are in';
    if (found !== undefined && found !== mark)
      return `belongs to another data directory (delete ${join(volume.directory, markName)} if that one is gone)`;
    mkdirSync(volume.incoming, { recursive: true, mode: 0o700 });
    mkdirSync(volume.blobs, { recursive: true });
    if (found === undefined) writeMark(db, id, volume);
    return undefined;
  } catch (error) {
    return `can't be used (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
  }
}

function readMark({ directory }: Volume): string | undefined {
  try {
    return readFileSync(join(directory, markName), 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A new one each time: a mount point that was once used without its disk is not taken for the disk later. */
function writeMark(db: Database, id: number, { directory }: Volume): void {
  const mark = randomUUID();
  db.prepare('UPDATE volumes SET mark = ? WHERE id = ?').run(mark, id);
  // without it the blobs are not believed: it must not be lost before them
  writeFileSync(join(directory, markName), `${mark}\n`, { flush: true });
  syncDirectoryNow(directory);
}
