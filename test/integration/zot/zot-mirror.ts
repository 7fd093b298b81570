import { loadZotConfig } from '../../../server/config/zot-config.ts';
import type { SettingsInput } from '../../../server/config/schema.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';

/** `text` with each URL led to a registry on loopback. */
export function withUrls(text: string, urls: Readonly<Record<string, string>>): string {
  return Object.entries(urls).reduce((changed, [from, to]) => {
    if (!changed.includes(`"${from}"`)) throw new Error(`the configuration does not name ${from}`);
    return changed.replaceAll(`"${from}"`, `"${to}"`);
  }, text);
}

/** Settings of a zot configuration that can be used, but for its port and folder, which are the test's own. */
export function settingsOf(text: string): SettingsInput {
  const { settingsPatch, problems } = loadZotConfig(text, 'zot.json');
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const { listen: _listen, dataDirectory: _directory, ...settings } = settingsPatch;
  return { ...settings, upstreams: settings.upstreams?.map((upstream) => ({ ...upstream, retryDelay: '1ms' })) };
}

/** The whole mirror with a zot configuration. */
export function startZotMirror(text: string, dataDirectory?: string): Promise<TempMirror> {
  return startTempMirror({
    settings: settingsOf(text),
    ...(dataDirectory === undefined ? {} : { dataDirectory }),
  });
}

/** A configuration with these registries. */
export function registries(...entries: readonly object[]): string {
  return JSON.stringify({ registries: entries });
}

export interface Refusal {
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string | undefined;
}

/** How the mirror refuses a manifest or list. */
export async function refusalOf(mirror: TempMirror, path: string): Promise<Refusal> {
  const { status, body } = await mirror.get(path);
  const read = JSON.parse(body.toString()) as { errors?: { code: string; message: string }[] };
  return { status, code: read.errors?.[0]?.code, message: read.errors?.[0]?.message };
}

/** A JSON answer. */
export async function jsonOf(mirror: TempMirror, path: string): Promise<unknown> {
  return JSON.parse((await mirror.get(path)).body.toString());
}
