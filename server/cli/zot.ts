import { readdirSync, statSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import { absolutePath } from '../config/paths.ts';
import { loadZotConfig, previewZot } from '../config/zot-config.ts';
import type { ZotPreview, ZotReading } from '../config/zot-config.ts';
import type { ZotDisk } from '../config/zot-section.ts';
import { ConfigError } from '../errors.ts';
import { readTextFile, unreadableReason } from '../lib/text-file.ts';
import type { CliIo } from './io.ts';

const fileLimitBytes = 4 * 2 ** 20;
const foldersToLookAt = 1000;

/**
 * Reads the file of `--zot-config`.
 * @throws ConfigError (CONFIG_INVALID) with everything that keeps it from being served
 */
export function readZotConfig(path: string, io: CliIo): ZotReading {
  const reading = loadZotConfig(readText(path, io), path, diskOf(io));
  const refused = reading.notHonoured.filter(({ isRefused }) => isRefused === true);
  const problems = [...reading.problems, ...refused.map(({ key, why }) => `${path}: ${key} is refused: ${why}.`)];
  if (problems.length > 0) throw new ConfigError(problems);
  return reading;
}

/** What the file of `--zot-config` becomes, for `doctor`. @throws ConfigError (CONFIG_INVALID) when it can't be read */
export function readZotPreview(path: string, io: CliIo): ZotPreview {
  return previewZot(readText(path, io), path, diskOf(io));
}

/** What of a zot configuration is read another way or not done, one sentence each. */
export function describeZot(reading: Pick<ZotReading, 'warnings' | 'notHonoured'>, path: string): readonly string[] {
  return [
    ...reading.warnings,
    ...reading.notHonoured.map(({ key, why }) => `${path}: ${key} is not honoured: ${why}.`),
  ];
}

/**
 * How content gets here that zot left in the folders of its configuration, in one sentence; undefined when there is none. It
 * looks no further than it must.
 */
export function importHint({ storageRoots }: Pick<ZotReading, 'storageRoots'>, path: string): string | undefined {
  const holding = storageRoots.filter(holdsRepository);
  if (holding.length === 0) return undefined;
  return `${holding.join(' and ')} holds repositories that zot stored; "zhi-mirror import-zot --zot-config ${path}" takes in what is not here yet, and leaves zot's files as they are.`;
}

/** Whether zot keeps a repository somewhere below; of a large folder only the beginning is looked at. */
function holdsRepository(root: string): boolean {
  const waiting = [root];
  for (let looked = 0; looked < foldersToLookAt; looked += 1) {
    const folder = waiting.shift();
    if (folder === undefined) return false;
    const entries = entriesOf(folder);
    const names = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
    if (names.has('index.json') && names.has('oci-layout')) return true;
    for (const entry of entries)
      if (entry.isDirectory() && !/^[._]/.test(entry.name)) waiting.push(join(folder, entry.name));
  }
  return false;
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function readText(path: string, io: CliIo): string {
  if (path === '') throw new ConfigError(['--zot-config is empty; it must name a zot configuration file.']);
  try {
    return readTextFile(absolutePath(path, io.cwd, io.env), fileLimitBytes);
  } catch (error) {
    throw new ConfigError([`--zot-config: ${path} ${unreadableReason(error)}.`], { value: path, cause: error });
  }
}

/** Paths in the file are relative to the working directory, as they are for zot. */
function diskOf(io: CliIo): ZotDisk {
  return {
    resolve: (path) => absolutePath(path, io.cwd, io.env),
    read: (path) => {
      try {
        return readTextFile(path, fileLimitBytes);
      } catch {
        return undefined;
      }
    },
    isDirectory: (path) => {
      try {
        return statSync(path).isDirectory();
      } catch {
        return false;
      }
    },
  };
}
