import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fingerprintOf, publicKeyPem, readPublicKey } from '../audit/signing.ts';
import { verifyLog } from '../audit/verify.ts';
import { readLogKnowledge, verifyOwnLog } from '../audit/verify-own.ts';
import type { VerifyReport } from '../audit/verify.types.ts';
import { ConfigError, RequestError } from '../errors.ts';
import { layoutOf } from '../storage/layout.ts';
import type { CliIo, CommandLine } from './io.ts';
import { readSettings } from './settings.ts';

/** Problems shown to a person; `--json` has up to a thousand. */
const shownProblems = 20;

/** `zhi-mirror audit verify [FILE...]` and `zhi-mirror audit key`: reads only, and needs no running mirror. */
export async function audit(line: CommandLine, io: CliIo): Promise<number> {
  const [verb, ...files] = line.words;
  if (line.problems.length === 0 && verb !== 'verify' && verb !== 'key')
    throw new ConfigError([
      `audit ${JSON.stringify(verb)} is not a command; there are "audit verify" and "audit key".`,
    ]);
  const place = placeOf(line, io);
  if (verb === 'key') return showKey(place, line, io);
  const report = await verify(place, files, line, io);
  if (line.isJson) io.out(JSON.stringify({ ok: report.problemsTotal === 0, ...report }, undefined, 2));
  else for (const text of describe(report)) io.out(text);
  return report.problemsTotal === 0 ? 0 : 1;
}

interface Place {
  readonly database: string;
  readonly file: string;
}

function placeOf(line: CommandLine, io: CliIo): Place {
  const { settings } = readSettings(line, io);
  const layout = layoutOf(settings.dataDirectory, settings.storageDirectory);
  return { database: layout.database, file: settings.audit.file === '' ? layout.auditFile : settings.audit.file };
}

async function verify(
  { database, file }: Place,
  files: readonly string[],
  line: CommandLine,
  io: CliIo,
): Promise<VerifyReport> {
  const fingerprint = readFingerprint(line.options['key'], io);
  if (files.length > 0) return verifyNamed(files, fingerprint, io);
  if (file === '-')
    throw new ConfigError(['the audit log goes to standard output and is not kept here; name the FILE that has it.']);
  const report = await verifyOwnLog(database, file, { fingerprint });
  if (report.files.length === 0) throw new RequestError('NOT_FOUND', `there is no audit log at ${file}.`);
  return report;
}

/** Files by name may be of another mirror: its keys are not those of this data directory. */
async function verifyNamed(
  files: readonly string[],
  fingerprint: string | undefined,
  io: CliIo,
): Promise<VerifyReport> {
  const paths = files.map((file) => resolve(io.cwd, file));
  const absent = paths.filter((path) => !existsSync(path));
  if (absent.length > 0) throw new ConfigError(absent.map((path) => `${path} is not there.`));
  return verifyLog({ files: paths, keys: fingerprint === undefined ? undefined : [fingerprint], isWhole: false });
}

function readFingerprint(given: string | undefined, io: CliIo): string | undefined {
  if (given === undefined) return undefined;
  if (/^[0-9a-f]{64}$/i.test(given)) return given.toLowerCase();
  const path = resolve(io.cwd, given);
  const key = existsSync(path) ? readPublicKey(readFileSync(path, 'utf8')) : undefined;
  if (key === undefined)
    throw new ConfigError([
      `--key ${given} is neither a fingerprint (64 hex digits) nor a PEM file of an Ed25519 key.`,
    ]);
  return fingerprintOf(key);
}

function showKey({ database, file }: Place, line: CommandLine, io: CliIo): number {
  const keys = readLogKnowledge(database, file)?.keys ?? [];
  if (keys.length === 0)
    throw new RequestError('NOT_FOUND', 'There is no key yet: it is made when the mirror starts for the first time.');
  if (line.isJson) {
    io.out(
      JSON.stringify(
        keys.map((key) => ({ ...key, pem: publicKeyPem(key.publicKey) })),
        undefined,
        2,
      ),
    );
    return 0;
  }
  for (const key of keys) {
    const until = key.retiredAt === undefined ? '' : ` to ${timeText(key.retiredAt)}, no longer in use`;
    io.out(`SHA-256 ${key.fingerprint}  (since ${timeText(key.createdAt)}${until})`);
    io.out(publicKeyPem(key.publicKey).trimEnd());
  }
  return 0;
}

function describe(report: VerifyReport): readonly string[] {
  const { problems, problemsTotal } = report;
  const more = problemsTotal - shownProblems;
  return [
    ...problems.slice(0, shownProblems).map(({ kind, file, line, message }) => {
      return `${file}:${String(line)}: ${kind}: ${message}`;
    }),
    ...(more > 0 ? [`and ${String(more)} more`] : []),
    ...facts(report).map(([name, value]) => `${name.padEnd(12)}${value}`),
    problemsTotal === 0
      ? 'The log is whole: no line was edited, removed, moved or added.'
      : `The log is not as it was written: ${String(problemsTotal)} ${problemsTotal === 1 ? 'problem' : 'problems'}.`,
  ];
}

function facts(report: VerifyReport): (readonly [string, string])[] {
  const { files, lines, notChained, checkpoints, unsigned, firstAt, lastAt, deletedThrough } = report;
  const range = report.firstSeq === undefined ? '' : `, ${String(report.firstSeq)} to ${String(report.lastSeq)}`;
  const old = notChained === 0 ? '' : `; ${String(notChained)} not chained, from before there was a chain`;
  return [
    ['files', String(files.length)],
    ['lines', `${String(lines)}${range}${old}`],
    ...(firstAt === undefined || lastAt === undefined
      ? []
      : [['time', `${timeText(firstAt)} to ${timeText(lastAt)}`] as const]),
    ['signed', `${String(checkpoints)} checkpoints; ${String(unsigned)} lines after the last one`],
    ...report.keys.map(({ fingerprint, isKnown }) => ['key', `SHA-256 ${fingerprint}${knownText(isKnown)}`] as const),
    ...(deletedThrough === undefined
      ? []
      : [['deleted', `lines 1 to ${String(deletedThrough)}, after their time, as a signed line says`] as const]),
  ];
}

function knownText(isKnown: boolean | undefined): string {
  if (isKnown === undefined) return '  (compare it with "zhi-mirror audit key" of the mirror, or give --key)';
  return isKnown ? '' : '  (not a key of this mirror)';
}

function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
