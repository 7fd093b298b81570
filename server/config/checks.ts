import { isIP } from 'node:net';
import { isWithin } from './paths.ts';
import { collide, formatAddress, isLoopback, parseAddress } from './address.ts';
import type { ListenAddress } from './address.ts';
import type { SettingProblem } from './issue-sentence.ts';
import { proxyProblem } from './proxy.ts';
import type { AuditReceiver } from './audit-receiver.ts';
import type { AccountSettings, Settings, UpstreamSettings } from './schema.ts';
import type { SettingPath } from './settings-file.ts';
import { canonicalHost, upstreamUrlProblem } from './upstream-text.ts';

/** The sections that have the right types; a section with a problem of its own is left out. */
export type SoundSettings = Partial<Settings>;
/** The upstreams in their order, undefined where one has a problem of its own. */
export type SoundUpstreams = readonly (UpstreamSettings | undefined)[];

/** What the schema can't see: values that do not mean anything, or not together. */
export function checkSettings(settings: SoundSettings, upstreams: SoundUpstreams): readonly SettingProblem[] {
  return [
    ...checkAddresses(settings),
    ...checkStoragePaths(settings),
    ...checkUpstreams(upstreams),
    ...checkTrustedProxies(settings.trustedProxies ?? []),
    ...checkReceivers(settings.audit),
  ];
}

function checkAddresses(settings: SoundSettings): readonly SettingProblem[] {
  const problems: SettingProblem[] = [];
  const listen = readAddress(settings, 'listen', problems);
  const admin = readAddress(settings, 'adminListen', problems);
  if (admin !== undefined && !isLoopback(admin.host)) {
    const message = `"${formatAddress(admin)}" can be reached from other machines, and logins are not built yet; use a loopback address such as "127.0.0.1:${String(admin.port)}"`;
    problems.push({ path: ['adminListen'], message });
  } else if (listen !== undefined && admin !== undefined && collide(listen, admin)) {
    problems.push({
      path: ['adminListen'],
      message: `"${formatAddress(admin)}" is the port the mirror listens on too ("${formatAddress(listen)}"); choose another`,
    });
  }
  return problems;
}

function readAddress(
  settings: SoundSettings,
  name: 'listen' | 'adminListen',
  problems: SettingProblem[],
): ListenAddress | undefined {
  const text = settings[name];
  if (text === undefined) return undefined;
  const address = parseAddress(text);
  if (address === undefined)
    problems.push({
      path: [name],
      message: `${JSON.stringify(text)} is not an address such as ":5050", "127.0.0.1:5050" or "[::1]:5050", with a port from 0 to 65535`,
    });
  return address;
}

function checkStoragePaths({
  storagePaths = [],
  dataDirectory,
  storageDirectory,
}: SoundSettings): readonly SettingProblem[] {
  const own = [dataDirectory ?? '', storageDirectory ?? ''].filter((directory) => directory !== '');
  return storagePaths.flatMap(({ prefix, directory }, index) => {
    const before = storagePaths.slice(0, index);
    const isTwice = before.some((other) => other.prefix === prefix);
    const near = [...own, ...before.map((other) => other.directory).filter((other) => other !== directory)].find(
      (other) => isWithin(directory, other) || isWithin(other, directory),
    );
    return [
      ...problemAt(
        ['storagePaths', index, 'prefix'],
        isTwice ? `"${prefix}" has a directory already; keep one` : undefined,
      ),
      ...problemAt(
        ['storagePaths', index, 'directory'],
        near === undefined
          ? undefined
          : `"${directory}" and "${near}" lie in each other; each needs a place of its own`,
      ),
    ];
  });
}

function checkUpstreams(upstreams: SoundUpstreams): readonly SettingProblem[] {
  const owners = new Map<string, string>();
  return upstreams.flatMap((upstream, position) => {
    if (upstream === undefined) return [];
    const path: SettingPath = ['upstreams', position];
    return [
      ...checkNames(upstream, path, owners),
      ...upstream.urls.flatMap((url, index) => problemAt([...path, 'urls', index], upstreamUrlProblem(url))),
      ...upstream.accounts.flatMap((account, index) =>
        problemAt([...path, 'accounts', index], accountProblem(account)),
      ),
      ...problemAt([...path, 'proxy'], upstream.proxy === '' ? undefined : proxyProblem(upstream.proxy)),
    ];
  });
}

function checkNames(
  upstream: UpstreamSettings,
  path: SettingPath,
  owners: Map<string, string>,
): readonly SettingProblem[] {
  const names: readonly (readonly [SettingPath, string])[] = [
    [[...path, 'name'], upstream.name],
    ...upstream.interceptHosts.map((host, index): [SettingPath, string] => [[...path, 'interceptHosts', index], host]),
  ];
  return names.flatMap(([at, name], index) => {
    const owner = owners.get(canonicalHost(name));
    owners.set(canonicalHost(name), owner ?? upstream.name);
    const isFree = owner === undefined || (index > 0 && owner === upstream.name);
    return isFree
      ? []
      : [{ path: at, message: `"${name}" already belongs to the upstream "${owner}"; a host can mean only one` }];
  });
}

function accountProblem(account: AccountSettings): string | undefined {
  const hasPassword = account.username !== '' || account.password !== '';
  if (account.registryToken !== '')
    return hasPassword ? 'has a registryToken and a user name or password; keep one of the two' : undefined;
  if (!hasPassword) return 'is empty; it must have username and password, or registryToken';
  if (account.username === '') return 'has a password without a username';
  return account.password === '' ? 'has a username without a password' : undefined;
}

function checkTrustedProxies(ranges: readonly string[]): readonly SettingProblem[] {
  return ranges.flatMap((range, index) =>
    problemAt(
      ['trustedProxies', index],
      isRange(range)
        ? undefined
        : `${JSON.stringify(range)} is not an address or range such as "10.0.0.7" or "10.0.0.0/8"`,
    ),
  );
}

function checkReceivers(audit: SoundSettings['audit']): readonly SettingProblem[] {
  const names = new Set<string>();
  return (audit?.forward ?? []).flatMap((to, index) => {
    const path: SettingPath = ['audit', 'forward', index];
    const isKnown = names.has(to.name);
    names.add(to.name);
    return [
      ...problemAt([...path, 'name'], isKnown ? `"${to.name}" is the name of another receiver already` : undefined),
      ...receiverProblems(to, path),
      ...problemAt(
        path,
        audit?.file === '-' ? 'needs an audit log in a file: what goes to standard output is not kept' : undefined,
      ),
    ];
  });
}

const receiverUrls: Readonly<Record<string, { readonly pattern: RegExp; readonly example: string }>> = {
  syslog: { pattern: /^(?:tcp|tls):$/, example: 'tls://logs.example.org:6514' },
  webhook: { pattern: /^https?:$/, example: 'https://events.example.org/audit' },
};

function receiverProblems(to: AuditReceiver, path: SettingPath): readonly SettingProblem[] {
  const kind = receiverUrls[to.type];
  if (kind === undefined)
    return problemAt([...path, 'file'], to.file === '' ? 'is missing: name the file to append to' : undefined);
  const url = URL.parse(to.url);
  const isGood = url !== null && url.hostname !== '' && kind.pattern.test(url.protocol);
  return problemAt(
    [...path, 'url'],
    isGood ? undefined : `${JSON.stringify(to.url)} is not a URL such as "${kind.example}"`,
  );
}

function isRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 6 ? 128 : 32));
}

function problemAt(path: SettingPath, message: string | undefined): readonly SettingProblem[] {
  return message === undefined ? [] : [{ path, message }];
}
