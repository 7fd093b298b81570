import { statSync } from 'node:fs';
import type { SoundSettings } from '../config/checks.ts';
import type { SettingProblem } from '../config/issue-sentence.ts';
import { loadSettings } from '../config/load.ts';
import type { LoadedSettings } from '../config/load.ts';
import type { SettingPath } from '../config/settings-file.ts';
import { ConfigError } from '../errors.ts';
import { unreadableReason } from '../lib/text-file.ts';
import { clientTlsProblems } from '../tls/client-certificate.ts';
import type { TlsProblem } from '../tls/key-pair.ts';
import { serverTlsProblems } from '../tls/server-certificate.ts';
import type { ZotReading } from '../config/zot-config.ts';
import type { CliIo, CommandLine } from './io.ts';
import { policyFileProblems } from './policy-file.ts';
import { readZotConfig } from './zot.ts';

/** Settings that were read, and what a zot configuration gave to them. */
export interface ReadSettings extends LoadedSettings {
  readonly zot: ZotReading | undefined;
}

/**
 * The settings a command runs with, with everything checked that can be without changing anything.
 * @throws ConfigError (CONFIG_INVALID) with the problems of the command line and of the settings together
 */
export function readSettings(line: CommandLine, io: CliIo): ReadSettings {
  let loaded: LoadedSettings;
  let zot: ZotReading | undefined;
  try {
    zot = line.zotConfig === undefined ? undefined : readZotConfig(line.zotConfig, io);
    loaded = loadSettings({
      flags: line.flags,
      settingsFile: line.settingsFile,
      foreign: zot === undefined ? undefined : { path: line.zotConfig ?? '', values: zot.settingsPatch },
      env: io.env,
      cwd: io.cwd,
      check: checkFiles,
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError([...line.problems, ...error.problems], { cause: error });
  }
  if (line.problems.length > 0) throw new ConfigError(line.problems);
  return { ...loaded, zot };
}

/** What the files that settings name have to do with it: certificates that don't work, folders that are files. */
export function checkFiles(settings: SoundSettings): readonly SettingProblem[] {
  const { tls, upstreamTls, upstreams = [], audit, policy, dataDirectory = '', storageDirectory = '' } = settings;
  return [
    ...(tls === undefined ? [] : under(['tls'], serverTlsProblems(tls))),
    ...(upstreamTls === undefined ? [] : under(['upstreamTls'], clientTlsProblems(upstreamTls))),
    ...upstreams.flatMap((upstream, index) => under(['upstreams', index, 'tls'], clientTlsProblems(upstream.tls))),
    ...mustNotBe('folder', audit?.file ?? '', ['audit', 'file']),
    ...policyFileProblems(policy?.file ?? '').map((problem) => ({
      path: ['policy', 'file'],
      message: problem.replace(/\.$/, ''),
    })),
    ...mustNotBe('file', dataDirectory, ['dataDirectory']),
    ...(storageDirectory === dataDirectory ? [] : mustNotBe('file', storageDirectory, ['storageDirectory'])),
  ];
}

function under(path: SettingPath, problems: readonly TlsProblem[]): readonly SettingProblem[] {
  return problems.map(({ setting, message }) => ({ path: [...path, setting], message }));
}

function mustNotBe(kind: 'file' | 'folder', path: string, setting: SettingPath): readonly SettingProblem[] {
  if (path === '' || path === '-') return [];
  try {
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
    if (isFolder !== (kind === 'folder')) return [];
    return [{ path: setting, message: `${path} is a ${kind}, not a ${kind === 'file' ? 'folder' : 'file'}` }];
  } catch (error) {
    return [{ path: setting, message: `${path} ${unreadableReason(error)}` }];
  }
}
