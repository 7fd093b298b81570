import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../db/database.ts';
import { ConfigError, StorageError } from '../errors.ts';
import { isDigest } from '../oci/digest.ts';
import type { Layout } from './layout.ts';
import type { Volume } from './volumes.ts';

/** Proof that this process alone uses the data directory. */
export interface DataDirectoryLock {
  /** Tells commands on the same data directory where the admin API is. */
  tell(adminUrl: string): void;
  release(): void;
}

/**
 * Takes the data directory for this process. A lock whose process is gone (a crash, a power cut) is taken over.
 * @throws ConfigError (DATA_DIRECTORY_IN_USE)
 */
export function lockDataDirectory(layout: Layout, dataDirectory: string): DataDirectoryLock {
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      const fd = openSync(layout.lock, 'wx', 0o600);
      writeSync(fd, lockText(process.pid));
      closeSync(fd);
      return {
        tell: (adminUrl) => {
          writeFileSync(layout.lock, `${lockText(process.pid)} ${adminUrl}`, { mode: 0o600 });
        },
        release: () => {
          rmSync(layout.lock, { force: true });
        },
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new ConfigError([`the data directory ${dataDirectory} can't be written: ${(error as Error).message}`], {
          cause: error,
          value: dataDirectory,
        });
      }
      refuseWhenHeld(layout, dataDirectory);
    }
  }
  throw new ConfigError([`the lock ${layout.lock} can't be taken; delete it if no zhi-mirror is running`], {
    code: 'DATA_DIRECTORY_IN_USE',
  });
}

/**
 * Where the mirror that has the data directory open answers the admin API; undefined when none has it open.
 * @throws ConfigError (DATA_DIRECTORY_IN_USE) while it is starting or another command has it open
 */
export function runningAdminUrl(layout: Layout): string | undefined {
  const { pid, isHeld, adminUrl } = readLock(layout);
  if (!isHeld) return undefined;
  if (adminUrl !== undefined) return adminUrl;
  throw new ConfigError(
    [`process ${pid} has the data directory open and answers nobody yet; try again when it is done.`],
    { code: 'DATA_DIRECTORY_IN_USE' },
  );
}

function readLock(layout: Layout): {
  readonly pid: string;
  readonly isHeld: boolean;
  readonly adminUrl: string | undefined;
} {
  const text = existsSync(layout.lock) ? readFileSync(layout.lock, 'utf8') : '';
  const [pid = '', startedAt, adminUrl] = text.split(' ');
  const isHeld = /^\d+$/.test(pid) && Number(pid) !== process.pid && processStart(Number(pid)) === startedAt;
  return { pid, isHeld, adminUrl };
}

function refuseWhenHeld(layout: Layout, dataDirectory: string): void {
  const { pid, isHeld } = readLock(layout);
  if (isHeld) {
    throw new ConfigError(
      [
        `another zhi-mirror (process ${pid}) is using the data directory ${dataDirectory}; stop it or choose another --data-dir`,
      ],
      { code: 'DATA_DIRECTORY_IN_USE', value: dataDirectory },
    );
  }
  rmSync(layout.lock, { force: true });
}

function lockText(pid: number): string {
  return `${String(pid)} ${processStart(pid) ?? ''}`;
}

/** Something that tells two processes with the same pid apart; undefined when no such process runs. */
function processStart(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      // proc(5): field 22 is the start time; the command name before it may hold spaces and parentheses
      const fields = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
        .split(') ')
        .at(-1)
        ?.split(' ');
      return fields?.[19];
    } catch {
      return undefined;
    }
  }
  try {
    process.kill(pid, 0);
    return 'running';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'running' : undefined;
  }
}

/** What {@link cleanUpAfterCrash} found. */
export interface CleanUp {
  /** Blob files without a row that were set aside as downloads to be proved again. */
  readonly orphanBlobs: number;
  /** Rows whose file was gone. */
  readonly lostBlobs: number;
  readonly removedPartials: number;
}

/**
 * Start-up after any stop: removes what a crash left and keeps what can resume. A blob file without a row (a crash between
 * rename and commit) becomes a complete partial again, so that its digest is proved before it is served. Of a volume that
 * is not there nothing is known, so nothing is forgotten.
 * @throws StorageError (STORAGE_FAILED) when blobs were stored and their whole folder is gone
 */
export async function cleanUpAfterCrash(
  db: Database,
  layout: Layout,
  options: { readonly now: number; readonly partialMaxAgeMs: number },
): Promise<CleanUp> {
  const total = { orphanBlobs: 0, lostBlobs: 0, removedPartials: 0 };
  for (const volume of layout.volumes.present()) {
    const { orphanBlobs, lost } = await compare(db, volume, options.now);
    forgetLost(db, lost, options.now);
    total.orphanBlobs += orphanBlobs;
    total.lostBlobs += lost.length;
    total.removedPartials += await removeOldPartials(volume, options);
  }
  return total;
}

/** Files without a row in a volume, which are set aside, and digests of its rows without a file. */
async function compare(
  db: Database,
  volume: Volume,
  now: number,
): Promise<{ readonly orphanBlobs: number; readonly lost: readonly string[] }> {
  const known = new Set(
    db
      .prepare<[number], { digest: string }>('SELECT digest FROM blobs WHERE volume = ?')
      .all(volume.id)
      .map((row) => row.digest),
  );
  if (known.size > 0) refuseGoneFolder(volume, known.size);
  mkdirSync(volume.incoming, { recursive: true });
  mkdirSync(volume.blobs, { recursive: true });
  let orphanBlobs = 0;
  const found = new Set<string>();
  for (const algorithm of await readdir(volume.blobs)) {
    for (const prefix of await readdir(join(volume.blobs, algorithm)).catch(() => [])) {
      for (const hex of await readdir(join(volume.blobs, algorithm, prefix)).catch(() => [])) {
        const digest = `${algorithm}:${hex}`;
        if (known.has(digest)) found.add(digest);
        else orphanBlobs += await setAside(volume, digest, join(volume.blobs, algorithm, prefix, hex), now);
      }
    }
  }
  return { orphanBlobs, lost: [...known].filter((digest) => !found.has(digest)) };
}

/** A disk that is not mounted must not make the mirror forget what was pushed: the rows would go, and then the files. */
function refuseGoneFolder({ blobs }: Volume, count: number): void {
  if (existsSync(blobs)) return;
  throw new StorageError(
    'STORAGE_FAILED',
    `the folder ${blobs} is not there, though content was stored in it (blobs: ${String(count)}); is its disk mounted? If it is gone for good, make an empty folder of that name`,
    { value: blobs },
  );
}

async function setAside(volume: Volume, digest: string, path: string, now: number): Promise<number> {
  if (isDigest(digest)) {
    const partial = volume.partial(digest);
    await rename(path, partial);
    // old as a blob, new as a download: the same start must not give it up for its age
    await utimes(partial, new Date(now), new Date(now));
  } else await rm(path, { recursive: true, force: true });
  return 1;
}

/** What a manifest needs stays known as damaged, so that it is fetched again, or listed with what it breaks. */
function forgetLost(db: Database, digests: readonly string[], now: number): void {
  const note = db.prepare(
    `INSERT INTO damaged_blobs (digest, size, found_at, reason) SELECT digest, size, ?, 'missing' FROM blobs WHERE digest = ?
     ON CONFLICT (digest) DO UPDATE SET found_at = excluded.found_at, reason = excluded.reason, repaired_at = NULL`,
  );
  const links = db.prepare('DELETE FROM repository_blobs WHERE digest = ?');
  const rows = db.prepare('DELETE FROM blobs WHERE digest = ?');
  db.transaction(() => {
    for (const digest of digests) {
      note.run(now, digest);
      links.run(digest);
      rows.run(digest);
    }
  })();
}

async function removeOldPartials(
  { incoming }: Volume,
  options: { readonly now: number; readonly partialMaxAgeMs: number },
): Promise<number> {
  let removed = 0;
  for (const name of await readdir(incoming)) {
    const path = join(incoming, name);
    const age = options.now - (await stat(path)).mtimeMs;
    if (name.endsWith('.part') && age < options.partialMaxAgeMs) continue;
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}
