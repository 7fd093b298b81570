import Sqlite from 'better-sqlite3';
import { ConfigError, StorageError } from '../errors.ts';
import { migrations } from './migrations/index.ts';

/** The one connection type; the driver is imported nowhere else. */
export type Database = Sqlite.Database;
export type Statement<P extends unknown[] = unknown[], R = unknown> = Sqlite.Statement<P, R>;

/**
 * Opens (and creates or migrates) the state database in WAL mode, synchronous NORMAL: a committed transaction survives
 * a crash of the process; after a power cut the last ones may be missing but never half there.
 * @throws ConfigError (DATA_DIRECTORY_NEWER) when a newer version of the product wrote it
 */
export function openDatabase(path: string, options: { readonly migrate: boolean } = { migrate: true }): Database {
  const db = new Sqlite(path, { timeout: 10_000 });
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma('foreign_keys = ON');
    db.pragma('wal_autocheckpoint = 4000');
    if (options.migrate) migrate(db, path);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

function migrate(db: Database, path: string): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > migrations.length) {
    throw new ConfigError(
      [
        `${path} was written by a newer version of zhi-mirror (format ${String(version)}, this version knows ${String(migrations.length)}); use that version or another --data-dir`,
      ],
      { code: 'DATA_DIRECTORY_NEWER', value: path },
    );
  }
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`user_version = ${String(index + 1)}`);
    })();
  }
}

/** Runs `work` in one IMMEDIATE transaction: all of it or nothing, and no other writer in between. */
export function inTransaction<T>(db: Database, work: () => T): T {
  return db.transaction(work).immediate();
}

/** Translates a full disk or a broken database into the mirror's own error. */
export function storageError(error: unknown, what: string): StorageError {
  const code = error instanceof Sqlite.SqliteError ? error.code : ((error as NodeJS.ErrnoException | null)?.code ?? '');
  const isFull = code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT';
  return new StorageError(
    isFull ? 'STORAGE_FULL' : 'STORAGE_FAILED',
    `${what}: ${isFull ? 'the disk is full' : 'the disk refused'}`,
    { cause: error },
  );
}
