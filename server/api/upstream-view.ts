import { formatDuration } from '../config/quantities.ts';
import type { AccountSettings, UpstreamInput, UpstreamSettings } from '../config/schema.ts';
import type { ActiveUpstream } from '../upstream/upstream-set.ts';
import type { UpstreamView } from './contract.ts';
import { describeHealth } from './health-view.ts';

/** An upstream's settings as a person writes them, without accounts. */
export type WrittenSettings = Omit<UpstreamInput, 'accounts'>;

export interface UpstreamFacts {
  readonly isDefault: boolean;
  readonly isLocked: boolean;
  readonly position: number;
  readonly accounts: readonly AccountSettings[];
  readonly held: { readonly repositories: number; readonly bytes: number } | undefined;
}

/** An upstream for the window: durations as text, passwords left out. PURE. */
export function describeUpstream({ settings, client }: ActiveUpstream, facts: UpstreamFacts): UpstreamView {
  return {
    name: settings.name,
    isDefault: facts.isDefault,
    locked: facts.isLocked,
    position: facts.position,
    settings: writtenSettings(settings),
    accounts: facts.accounts.map(({ path, username, registryToken }) => ({
      path,
      username,
      kind: registryToken === '' ? 'password' : 'token',
    })),
    health: describeHealth(client.health()),
    repositories: facts.held?.repositories ?? 0,
    contentBytes: facts.held?.bytes ?? 0,
  };
}

/** Settings as text; a proxy's password is hidden ({@link withKeptProxy} takes it back). PURE. */
export function writtenSettings(settings: UpstreamSettings): WrittenSettings {
  const { accounts: _accounts, ...rest } = settings;
  return {
    ...rest,
    ttl: formatDuration(settings.ttl),
    tags: settings.tags.map(({ pattern, ttl }) => ({ pattern, ttl: ttl === 'immutable' ? ttl : formatDuration(ttl) })),
    negativeTtl: formatDuration(settings.negativeTtl),
    retryDelay: formatDuration(settings.retryDelay),
    connectTimeout: formatDuration(settings.connectTimeout),
    headersTimeout: formatDuration(settings.headersTimeout),
    idleTimeout: formatDuration(settings.idleTimeout),
    breakerWait: formatDuration(settings.breakerWait),
    proxy: hideUserInfo(settings.proxy),
  };
}

/** `input` with the proxy's password put back when the window sends the hidden form of it unchanged. PURE. */
export function withKeptProxy<I extends WrittenSettings>(input: I, current: UpstreamSettings | undefined): I {
  const isHidden = current !== undefined && current.proxy !== '' && input.proxy === hideUserInfo(current.proxy);
  return isHidden ? { ...input, proxy: current.proxy } : input;
}

/** What a change of settings changed, for the audit: `ttl: 5m → 1h; mode: check → offline`. PURE. */
export function describeChange(before: WrittenSettings, after: WrittenSettings, none = 'nothing changed'): string {
  const old: Readonly<Record<string, unknown>> = before;
  const changes = Object.entries(after).flatMap(([name, value]) => {
    const [from, to] = [show(old[name]), show(value)];
    return from === to ? [] : [`${name}: ${from} → ${to}`];
  });
  return changes.length === 0 ? none : changes.join('; ').slice(0, 1000);
}

function show(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value ?? '');
}

function hideUserInfo(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1***@');
}
