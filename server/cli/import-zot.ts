import { statSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { RouteResponse } from '../api/contract.ts';
import { absolutePath } from '../config/paths.ts';
import { ConfigError } from '../errors.ts';
import { withAdmin } from './admin-call.ts';
import type { AdminClient } from './admin-call.ts';
import type { CliIo, CommandLine } from './io.ts';
import { readSettings } from './settings.ts';
import { sizeText } from './size-text.ts';

type DataImport = RouteResponse<'getZotImport'>;
type Repository = DataImport['repositories'][number];

interface Outcome {
  readonly end: DataImport;
  readonly repositories: readonly Repository[];
}

const pollMs = 200;
const tellMs = 5000;

/**
 * `zhi-mirror import-zot`: a folder that zot wrote is taken in; the folder stays as it is. Exit code 1 when something of it
 * is damaged or was passed over; what is whole came all the same.
 */
export async function importZot(line: CommandLine, io: CliIo): Promise<number> {
  const directories = directoriesOf(line, io);
  const dryRun = line.options['dry-run'] !== undefined;
  const outcomes = await withAdmin(line, io, async (admin) => {
    const ended: Outcome[] = [];
    for (const directory of directories) {
      ended.push(await follow(admin, { directory, dryRun, isQuiet: line.isJson }, io));
      if (ended.at(-1)?.end.state !== 'done') break;
    }
    return ended;
  });
  if (line.isJson) io.out(JSON.stringify(asJson(outcomes), undefined, 2));
  else for (const outcome of outcomes) for (const text of describe(outcome)) io.out(text);
  for (const { end } of outcomes) if (end.error !== undefined) io.err(end.error);
  return outcomes.every(isWhole) ? 0 : 1;
}

function isWhole({ end, repositories }: Outcome): boolean {
  const isDamaged = repositories.some(({ damaged }) => damaged.length > 0) || end.passedOver.length > 0;
  return end.state === 'done' && !isDamaged;
}

/** @throws ConfigError (CONFIG_INVALID) */
function directoriesOf(line: CommandLine, io: CliIo): readonly string[] {
  const { zot } = readSettings(line, io);
  const given = line.options['from'] ?? '';
  const roots = zot?.storageRoots ?? [];
  if (given === '' && roots.length === 0)
    throw new ConfigError(["--from is missing; it names zot's storage root, as in --from /var/lib/zot."]);
  const wanted = given === '' ? roots : [absolutePath(given, io.cwd, io.env)];
  // a sub-path that zot has not written to yet has no folder
  const found = wanted.filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
  if (found.length > 0) return found;
  throw new ConfigError([`--from: ${wanted.join(' and ')} is not a folder.`], { value: wanted[0] });
}

interface Asked {
  readonly directory: string;
  readonly dryRun: boolean;
  /** Nothing is said on the way. */
  readonly isQuiet: boolean;
}

/** Starts it and waits for its end; the first Ctrl-C ends it in good order. */
async function follow(admin: AdminClient, { directory, dryRun, isQuiet }: Asked, io: CliIo): Promise<Outcome> {
  await admin.call('importZotData', { body: { directory, dryRun } });
  const forget = io.onStopSignal(() => {
    io.err('Cancelling; what came stays.');
    void admin.call('cancelZotImport', { body: {} }).catch(() => undefined);
  });
  try {
    const repositories: Repository[] = [];
    for (let waited = pollMs; ; waited += pollMs) {
      const state = await admin.call('getZotImport', { query: { from: repositories.length } });
      repositories.push(...state.repositories);
      if (state.state !== 'running' && repositories.length >= state.repositoriesDone)
        return { end: state, repositories };
      if (!isQuiet && waited % tellMs === 0) io.err(describeProgress(state));
      if (state.state === 'running') await wait(pollMs);
    }
  } finally {
    forget();
  }
}

function describeProgress({ progress }: DataImport): string {
  const { repositories, repositoriesTotal, blobs, bytes } = progress;
  return `${String(repositories)} of ${String(repositoriesTotal)} repositories, ${String(blobs)} blobs, ${sizeText(bytes)}`;
}

function* describe({ end, repositories }: Outcome): Iterable<string> {
  for (const repository of repositories) yield* describeRepository(repository, end.dryRun);
  for (const { path, why } of end.passedOver) yield `${path}  passed over: ${why}`;
  const sum = totalOf(repositories);
  const what = `${count(sum.tags, 'tag')}, ${count(sum.manifests, 'manifest')}, ${count(sum.blobs, 'blob')}, ${sizeText(sum.bytes)}`;
  const linked = sum.linkedBytes === 0 ? '' : ` (${sizeText(sum.linkedBytes)} of it as hard links, which need no room)`;
  const how = { done: 'Imported', failed: 'It failed; until then came', cancelled: 'Cancelled; until then came' };
  const verb = end.state === 'running' || end.state === 'idle' ? 'Imported' : how[end.state];
  yield end.dryRun ? `Would import ${what} from ${end.directory}; nothing was changed.` : `${verb} ${what}${linked}.`;
}

function* describeRepository(repository: Repository, isDryRun: boolean): Iterable<string> {
  const { name, target, upstream, tags, manifests, blobs, bytes, alreadyHeld } = repository;
  const place = upstream === undefined ? '' : `, content of ${upstream}`;
  const renamed = name === target ? name : `${name} as ${target}`;
  const isNew = tags + manifests + blobs > 0;
  const held = alreadyHeld === 0 ? '' : `${isNew ? '; ' : ''}${count(alreadyHeld, 'manifest')} held already`;
  const came = isNew
    ? `${count(tags, 'tag')}, ${count(manifests, 'manifest')}, ${count(blobs, 'blob')}, ${sizeText(bytes)}${isDryRun ? ' would come' : ''}`
    : '';
  yield `${renamed}${place}  ${came}${held}${isNew || alreadyHeld > 0 ? '' : 'nothing'}`;
  for (const { digest, why, breaks } of repository.damaged)
    yield `    damaged  ${digest}: ${why}; it breaks ${breaks.join(', ')}`;
  for (const { what, why } of repository.skipped) yield `    skipped  ${what}: ${why}`;
}

function asJson(outcomes: readonly Outcome[]): object {
  return {
    dryRun: outcomes.some(({ end }) => end.dryRun),
    total: totalOf(outcomes.flatMap(({ repositories }) => repositories)),
    folders: outcomes.map(({ end: { state, directory, startedAt, finishedAt, error, passedOver }, repositories }) => ({
      directory,
      state,
      startedAt,
      finishedAt,
      error,
      repositories,
      passedOver,
    })),
  };
}

function totalOf(repositories: readonly Repository[]) {
  const sum = (of: (one: Repository) => number): number => repositories.reduce((total, one) => total + of(one), 0);
  return {
    tags: sum((one) => one.tags),
    manifests: sum((one) => one.manifests),
    blobs: sum((one) => one.blobs),
    bytes: sum((one) => one.bytes),
    linkedBytes: sum((one) => one.linkedBytes),
    sharedBlobs: sum((one) => one.sharedBlobs),
    alreadyHeld: sum((one) => one.alreadyHeld),
  };
}

function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
}
