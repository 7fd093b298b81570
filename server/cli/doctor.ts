import { ConfigError } from '../errors.ts';
import { systemClock } from '../lib/clock.ts';
import type { Diagnosis } from './diagnostics.ts';
import type { ZotReading } from '../config/zot-config.ts';
import type { CliIo, CommandLine } from './io.ts';
import { readPolicyFile } from './policy-file.ts';
import { readSettings } from './settings.ts';
import { describeZot, importHint, readZotPreview } from './zot.ts';

/** `zhi-mirror doctor`: exit code 0 when every check passed, 1 when one failed. A wrong command line is exit code 2. */
export async function doctor(line: CommandLine, io: CliIo): Promise<number> {
  if (line.problems.length > 0) throw new ConfigError(line.problems);
  const node = checkNode(process.versions.node);
  const diagnoses = [node, ...(await checkSettings(line, io, node.state === 'passed'))];
  const isWell = diagnoses.every((diagnosis) => diagnosis.state !== 'failed');
  if (line.isJson) io.out(JSON.stringify({ ok: isWell, checks: diagnoses }, undefined, 2));
  else for (const diagnosis of diagnoses) io.out(formatDiagnosis(diagnosis));
  return isWell ? 0 : 1;
}

async function checkSettings(line: CommandLine, io: CliIo, isNodeNewEnough: boolean): Promise<readonly Diagnosis[]> {
  let settings, zot;
  try {
    ({ settings, zot } = readSettings(line, io));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem): Diagnosis => ({ check: 'settings', state: 'failed', detail: problem }));
  }
  const files = [line.settingsFile, line.zotConfig].filter((file) => file !== undefined);
  const detail =
    files.length === 0
      ? 'no settings file; flags and defaults are valid'
      : `${files.join(' and ')} ${files.length === 1 ? 'is' : 'are'} valid`;
  const read: readonly Diagnosis[] = [
    { check: 'settings', state: 'passed', detail },
    ...(line.zotConfig === undefined ? [] : describeZotConfig(line.zotConfig, io)),
    ...describeZotContent(zot, line.zotConfig ?? ''),
    ...describePolicyFile(settings.policy.file),
  ];
  if (!isNodeNewEnough) return read;
  // the database driver ends the process when it is loaded by a Node that is too old
  const { diagnose } = await import('./diagnostics.ts');
  return [...read, ...(await diagnose(settings, systemClock.now()))];
}

/** What each registry of a zot configuration becomes, and what is not done as zot would. */
function describeZotConfig(path: string, io: CliIo): readonly Diagnosis[] {
  const preview = readZotPreview(path, io);
  const registries = preview.registries.flatMap(({ urls, upstreams, isFetched, rules }) =>
    rules.map(({ text, example, tags }): Diagnosis => {
      const shown = example === undefined ? '' : `, e.g. ${example.upstream} is pulled as ${example.here}`;
      const only = tags === undefined ? '' : `; only tags ${tags}`;
      const held = isFetched ? '' : '; nothing is fetched, only what is held is served';
      return {
        check: 'zot',
        state: 'passed',
        detail: `${urls.join(', ')} is the upstream ${upstreams.join(', ')}: ${text}${shown}${only}${held}`,
      };
    }),
  );
  const notes = describeZot(preview, path).map((detail): Diagnosis => ({ check: 'zot', state: 'skipped', detail }));
  return [...registries, ...notes];
}

function describeZotContent(zot: ZotReading | undefined, path: string): readonly Diagnosis[] {
  const hint = zot === undefined ? undefined : importHint(zot, path);
  return hint === undefined ? [] : [{ check: 'zot', state: 'skipped', detail: hint }];
}

/** Its problems have been found with those of the settings. */
function describePolicyFile(path: string): readonly Diagnosis[] {
  if (path === '') return [];
  const { rules, warnings } = readPolicyFile(path);
  const detail = `${path}: ${String(rules.length)} rule${rules.length === 1 ? '' : 's'}`;
  return [
    { check: 'policy', state: 'passed', detail },
    ...warnings.map((warning): Diagnosis => ({ check: 'policy', state: 'skipped', detail: warning })),
  ];
}

function formatDiagnosis(diagnosis: Diagnosis): string {
  const mark = { passed: 'ok  ', failed: 'FAIL', skipped: '-   ' }[diagnosis.state];
  return `${mark}  ${diagnosis.check.padEnd(14)}  ${diagnosis.detail}`;
}

/** The Node versions the SQLite driver loads on. */
export function checkNode(version: string): Diagnosis {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNew = major >= 24 || (major === 22 && minor >= 19);
  if (isNew) return { check: 'node', state: 'passed', detail: `Node ${version}` };
  return { check: 'node', state: 'failed', detail: `Node ${version} is too old; 24, or 22.19 and later 22, is needed` };
}
