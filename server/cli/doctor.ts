import { ConfigError } from '../errors.ts';
import { systemClock } from '../lib/clock.ts';
import type { Diagnosis } from './diagnostics.ts';
import type { CliIo, CommandLine } from './io.ts';
import { readSettings } from './settings.ts';

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
  let settings;
  try {
    ({ settings } = readSettings(line, io));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem): Diagnosis => ({ check: 'settings', state: 'failed', detail: problem }));
  }
  const detail =
    line.settingsFile === undefined
      ? 'no settings file; flags and defaults are valid'
      : `${line.settingsFile} is valid`;
  if (!isNodeNewEnough) return [{ check: 'settings', state: 'passed', detail }];
  // the database driver ends the process when it is loaded by a Node that is too old
  const { diagnose } = await import('./diagnostics.ts');
  return [{ check: 'settings', state: 'passed', detail }, ...(await diagnose(settings, systemClock.now()))];
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
