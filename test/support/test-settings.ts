import { join } from 'node:path';
import type { SettingsInput, UpstreamInput } from '../../server/config/schema.ts';

/** The name clients write for the upstream given by {@link MirrorSetup}'s `upstream`. */
export const upstreamName = 'up.test';

export interface MirrorSetup {
  readonly settings?: SettingsInput;
  /** Becomes the default upstream under the name `up.test`, with short waits; more about it in `upstreamSettings`. */
  readonly upstream?: { readonly url: string };
  readonly upstreamSettings?: Partial<UpstreamInput>;
}

/** What the settings of a mirror under test are: loopback, any free port, its own data directory. */
export function testSettings(dataDirectory: string, setup: MirrorSetup): SettingsInput {
  const { settings = {}, upstream, upstreamSettings } = setup;
  const base: SettingsInput = {
    listen: '127.0.0.1:0',
    adminListen: '127.0.0.1:0',
    dataDirectory,
    log: { level: 'debug' },
  };
  if (upstream === undefined) return { ...base, ...settings };
  const own: UpstreamInput = { name: upstreamName, urls: [upstream.url], retryDelay: '1ms', ...upstreamSettings };
  return { ...base, upstreamRegistry: upstreamName, ...settings, upstreams: [own, ...(settings.upstreams ?? [])] };
}

/** Where a mirror with this setup writes its audit log. */
export function auditFile(dataDirectory: string, { settings }: MirrorSetup): string {
  const file = settings?.audit?.file ?? '';
  return file === '' ? join(dataDirectory, 'audit', 'audit.jsonl') : file;
}
