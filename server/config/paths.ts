import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { SoundSettings } from './checks.ts';
import type { UpstreamTlsSettings } from './schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where state lives when nobody says: `~/.zhi/mirror`, or `/var/lib/zhi-mirror` for an account without a home. */
export function defaultDataDirectory(env: Environment): string {
  const home = homeOf(env);
  return home === undefined ? '/var/lib/zhi-mirror' : join(home, '.zhi', 'mirror');
}

/** Makes `path` absolute: `~/` is the home directory, anything else relative is relative to `base`. Empty stays empty. */
export function absolutePath(path: string, base: string, env: Environment): string {
  if (path === '') return '';
  const home = homeOf(env);
  if (home !== undefined && (path === '~' || path.startsWith('~/'))) return resolve(home, path.slice(2));
  return resolve(base, path);
}

/**
 * All paths of the settings made absolute, relative ones from `base` (the settings file's folder; flags are absolute
 * already), and the directories filled in: without a data directory, the storage directory is that too.
 */
export function resolvePaths<S extends SoundSettings>(settings: S, base: string, env: Environment): S {
  const absolute = (path: string): string => absolutePath(path, base, env);
  const client = (tls: UpstreamTlsSettings): UpstreamTlsSettings => ({
    ...tls,
    ca: absolute(tls.ca),
    cert: absolute(tls.cert),
    key: absolute(tls.key),
    certDirectory: absolute(tls.certDirectory),
  });
  const { dataDirectory, storageDirectory, tls, upstreamTls, audit, policy, upstreams } = settings;
  const storage = absolute(storageDirectory ?? '');
  const fallback = storage === '' ? defaultDataDirectory(env) : storage;
  const resolved: SoundSettings = { ...settings, ...besideStorage(settings, absolute) };
  if (dataDirectory !== undefined) resolved.dataDirectory = absolute(dataDirectory === '' ? fallback : dataDirectory);
  if (storageDirectory !== undefined) resolved.storageDirectory = storage;
  if (tls !== undefined)
    resolved.tls = { ...tls, cert: absolute(tls.cert), key: absolute(tls.key), clientCa: absolute(tls.clientCa) };
  if (upstreamTls !== undefined) resolved.upstreamTls = client(upstreamTls);
  if (audit !== undefined)
    resolved.audit = {
      ...audit,
      file: audit.file === '-' ? '-' : absolute(audit.file),
      forward: audit.forward.map((to) => ({ ...to, file: absolute(to.file), ca: absolute(to.ca) })),
    };
  if (policy !== undefined) resolved.policy = { ...policy, file: absolute(policy.file) };
  if (upstreams !== undefined)
    resolved.upstreams = upstreams.map((upstream) => ({ ...upstream, tls: client(upstream.tls) }));
  return resolved as S;
}

function besideStorage(
  { storagePaths }: SoundSettings,
  absolute: (path: string) => string,
): Pick<SoundSettings, 'storagePaths'> {
  if (storagePaths === undefined) return {};
  return { storagePaths: storagePaths.map((path) => ({ ...path, directory: absolute(path.directory) })) };
}

/** Whether a path is a directory, or lies in it; both absolute. */
export function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function homeOf(env: Environment): string | undefined {
  const home = env['HOME'] ?? env['USERPROFILE'] ?? '';
  return home === '' ? undefined : home;
}
