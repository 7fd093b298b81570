import process from 'node:process';
import type { Mirror, SecretBox } from './app.types.ts';
import { doubleDashes } from './cli/arguments.ts';
import { productVersion } from './cli/product.ts';
import { checkFiles } from './cli/settings.ts';
import { settingFlags } from './config/flags.ts';
import { loadSettings } from './config/load.ts';

export interface FlagOptions {
  readonly rendererDirectory: string;
  readonly secretBox?: SecretBox;
}

/**
 * A mirror by the flags of `zhi-mirror serve`, for the desktop app; words that are not our flags are the window system's
 * and left alone.
 * @throws ConfigError (CONFIG_INVALID) with every problem
 */
export async function createMirrorFromFlags(args: readonly string[], options: FlagOptions): Promise<Mirror> {
  const { settings: settingsFile, ...flags } = readFlags(doubleDashes(args));
  const loaded = loadSettings({ flags, settingsFile, env: process.env, cwd: process.cwd(), check: checkFiles });
  const { createMirror } = await import('./app.ts');
  return createMirror({ ...options, settings: loaded.settings, proxyEnvironment: loaded.proxyEnvironment, version: productVersion() });
}

function readFlags(args: readonly string[]): Record<string, string> {
  const names = new Set(['settings', ...settingFlags.map((flag) => flag.name)]);
  const flags: Record<string, string> = {};
  for (const [index, arg] of args.entries()) {
    const [, name = '', inline] = /^--([a-z-]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (names.has(name)) flags[name] = inline ?? args[index + 1] ?? '';
  }
  return flags;
}
