import { lstat, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { RouteBody, RouteResponse } from '../../../server/api/contract.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from '../api/admin-client.ts';

export type DataImport = RouteResponse<'getZotImport'>;

/** Imports a folder and gives what became of it, once it has ended. */
export async function importData(mirror: TempMirror, body: RouteBody<'importZotData'>): Promise<DataImport> {
  const admin = new AdminClient(mirror.adminUrl);
  await admin.call('importZotData', { body });
  return importEnded(admin);
}

/** The import under way, once it has ended. */
export async function importEnded(admin: AdminClient): Promise<DataImport> {
  for (;;) {
    const state = await admin.call('getZotImport', { query: {} });
    if (state.state !== 'running') return state;
    await wait(5);
  }
}

/** One repository of a result. */
export function repositoryIn({ repositories }: DataImport, name: string): DataImport['repositories'][number] {
  const found = repositories.find((repository) => repository.name === name);
  if (found === undefined) throw new Error(`${name} is not in the result`);
  return found;
}

/** Everything about a folder that an import must leave as it is; a hard link to a file changes its ctime. */
export async function snapshot(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const lines = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const { mode, ino, size, mtimeMs } = await lstat(path);
    const content = entry.isFile() ? (await readFile(path)).toString('base64') : '';
    return [relative(root, path), mode, ino, entry.isFile() ? size : 0, mtimeMs, content].join(' ');
  });
  return (await Promise.all(lines)).toSorted();
}
