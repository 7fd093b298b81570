import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatAddress, parseAddress } from '../config/address.ts';
import type { Settings } from '../config/schema.ts';
import { openDatabase } from '../db/database.ts';
import { migrations } from '../db/migrations/index.ts';
import { diskSpace } from '../lib/files.ts';
import { nextFreePort, probePort } from '../lib/ports.ts';
import { layoutOf } from '../storage/layout.ts';
import { readServerTls } from '../tls/server-certificate.ts';

/** One thing that was checked, and what was found, for a person. */
export interface Diagnosis {
  readonly check:
    | 'node'
    | 'settings'
    | 'policy'
    | 'zot'
    | 'data-directory'
    | 'free-space'
    | 'lock'
    | 'database'
    | 'mirror-port'
    | 'admin-port'
    | 'certificate';
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly detail: string;
}

type Finding = Pick<Diagnosis, 'state' | 'detail'>;

/** Everything about a machine that `serve` depends on, in the order a person would look. Changes nothing. */
export async function diagnose(settings: Settings, now: number): Promise<readonly Diagnosis[]> {
  const layout = layoutOf(settings.dataDirectory, settings.storageDirectory);
  const holder = lockHolder(layout.lock);
  return [
    { check: 'data-directory', ...checkDirectory(settings) },
    { check: 'free-space', ...(await checkAllSpace(settings, layout.storage)) },
    {
      check: 'lock',
      ...passed(
        holder === undefined
          ? 'no zhi-mirror is running on the data directory'
          : `zhi-mirror is running on the data directory (process ${String(holder)})`,
      ),
    },
    { check: 'database', ...checkDatabase(layout.database) },
    { check: 'mirror-port', ...(await checkPort(settings.listen, holder)) },
    { check: 'admin-port', ...(await checkPort(settings.adminListen, holder)) },
    { check: 'certificate', ...checkCertificate(settings.tls, now) },
  ];
}

function checkDirectory(settings: Settings): Finding {
  const beside = settings.storagePaths.map(({ directory }) => directory);
  const directories = [...new Set([settings.dataDirectory, settings.storageDirectory, ...beside])].filter(
    (directory) => directory !== '',
  );
  const locked = directories.find((directory) => !isWritable(nearestExisting(directory)));
  if (locked !== undefined) return failed(`${locked} may not be written by this user`);
  const fresh = directories.filter((directory) => !existsSync(directory));
  return passed(`${directories.join(' and ')} can be written${fresh.length === 0 ? '' : ' (made at the first start)'}`);
}

/** Of the storage directory, and of each of `storagePaths`; the first that is too full says so for all. */
async function checkAllSpace(settings: Settings, storage: string): Promise<Finding> {
  const first = await checkSpace(storage, settings.freeSpaceFloor);
  const details = [first.detail];
  for (const directory of new Set(settings.storagePaths.map((path) => path.directory))) {
    const { state, detail } = await checkSpace(directory, settings.freeSpaceFloor);
    if (state === 'failed') return failed(`${directory}: ${detail}`);
    details.push(`${directory}: ${detail}`);
  }
  return first.state === 'failed' ? first : passed(details.join('; '));
}

async function checkSpace(storage: string, floorBytes: number): Promise<Finding> {
  const { freeBytes } = await diskSpace(nearestExisting(storage));
  const detail = `${gibibytes(freeBytes)} GiB free, caching stops below ${gibibytes(floorBytes)} GiB`;
  return freeBytes < floorBytes ? failed(detail) : passed(detail);
}

function checkDatabase(path: string): Finding {
  if (!existsSync(path)) return passed('none yet; made at the first start');
  try {
    const db = openDatabase(path, { migrate: false });
    try {
      const version = Number(db.pragma('user_version', { simple: true }));
      if (version > migrations.length)
        return failed(
          `${path} has format ${String(version)} of a newer zhi-mirror; this one knows ${String(migrations.length)}`,
        );
      const isSound = db.pragma('quick_check(1)', { simple: true }) === 'ok';
      return isSound
        ? passed(`format ${String(version)} of ${String(migrations.length)}`)
        : failed(`${path} is damaged`);
    } finally {
      db.close();
    }
  } catch {
    return failed(`${path} is not a database this program can open`);
  }
}

async function checkPort(text: string, holder: number | undefined): Promise<Finding> {
  const address = parseAddress(text);
  if (address === undefined) return failed(`${text} is not an address`);
  const shown = formatAddress(address);
  const code = address.port === 0 ? undefined : await probePort(address.host, address.port);
  if (code === undefined) return passed(`${shown} is free`);
  if (code === 'EACCES') return failed(`${shown} may not be opened by this user`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return failed(`${shown} is not an address of this machine`);
  if (code !== 'EADDRINUSE') return failed(`${shown} cannot be opened (${code})`);
  if (holder !== undefined) return passed(`${shown} is in use, most likely by the running zhi-mirror`);
  const free = await nextFreePort(address.host, address.port);
  return failed(`${shown} is in use${free === undefined ? '' : `; ${String(free)} is free`}`);
}

function checkCertificate(tls: Settings['tls'], now: number): Finding {
  const server = readServerTls(tls);
  if (server === undefined) return { state: 'skipped', detail: 'TLS is off' };
  const until = new Date(server.expiresAt).toISOString().slice(0, 10);
  const names = server.names.length === 0 ? 'no names' : server.names.join(', ');
  return server.expiresAt < now
    ? failed(`the certificate for ${names} expired on ${until}`)
    : passed(`for ${names}, until ${until}${server.isMutual ? ', client certificates required' : ''}`);
}

/** The process that holds the lock, when it is alive. */
function lockHolder(path: string): number | undefined {
  const pid = existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) : Number.NaN;
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? pid : undefined;
  }
}

function nearestExisting(path: string): string {
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  return existing;
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function gibibytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}

function passed(detail: string): Finding {
  return { state: 'passed', detail };
}

function failed(detail: string): Finding {
  return { state: 'failed', detail };
}
