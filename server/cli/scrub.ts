import { setTimeout as wait } from 'node:timers/promises';
import type { RouteResponse } from '../api/contract.ts';
import { parseSize } from '../config/quantities.ts';
import { ConfigError } from '../errors.ts';
import { withAdmin } from './admin-call.ts';
import type { AdminClient } from './admin-call.ts';
import type { CliIo, CommandLine } from './io.ts';
import { sizeText } from './size-text.ts';

type Scrub = RouteResponse<'getScrub'>;
type Damaged = Scrub['damaged'][number];

const pollMs = 250;
const tellMs = 5000;

/**
 * `zhi-mirror scrub`: everything stored is read again, and what rotted is fetched again; with `--status` only what is known
 * is told. Exit code 1 when damage remains that could not be repaired, or the round came to no end.
 */
export async function scrub(line: CommandLine, io: CliIo): Promise<number> {
  const rate = rateOf(line);
  return withAdmin(line, io, async (admin) => {
    const state =
      line.options['status'] === undefined
        ? await wholeRound(admin, { rate, isQuiet: line.isJson }, io)
        : await admin.call('getScrub');
    if (line.isJson) io.out(JSON.stringify(state, undefined, 2));
    else for (const text of describe(state)) io.out(text);
    const isDone = line.options['status'] !== undefined || isFinished(state);
    return isDone && state.unrepaired === 0 ? 0 : 1;
  });
}

/** @throws ConfigError (CONFIG_INVALID) */
function rateOf(line: CommandLine): string | undefined {
  const { rate } = line.options;
  if (rate === undefined || parseSize(rate) !== undefined) return rate;
  throw new ConfigError([`--rate: "${rate}" is not a size such as "50 MiB".`], { value: rate });
}

interface Asked {
  readonly rate: string | undefined;
  /** Nothing is said on the way. */
  readonly isQuiet: boolean;
}

/** Starts a round, or joins the one under way, and waits for its end; Ctrl-C ends the waiting. */
async function wholeRound(admin: AdminClient, { rate, isQuiet }: Asked, io: CliIo): Promise<Scrub> {
  const left = new AbortController();
  const forget = io.onStopSignal(() => {
    left.abort();
  });
  try {
    let state = await admin.call('startScrub', { body: { ...(rate === undefined ? {} : { rate }) } });
    for (let waited = pollMs; state.running && !left.signal.aborted; waited += pollMs) {
      if (!isQuiet && waited % tellMs === 0) io.err(describeProgress(state));
      await wait(pollMs, undefined, { signal: left.signal }).catch(() => undefined);
      state = await admin.call('getScrub');
    }
    if (left.signal.aborted)
      io.err(`Stopped waiting; the round goes on ${admin.isRunning ? '' : 'when the mirror runs'}`.trimEnd() + '.');
    return state;
  } finally {
    forget();
  }
}

function isFinished({ running, problem, startedAt, lastFinishedAt }: Scrub): boolean {
  return !running && problem === undefined && startedAt !== undefined && (lastFinishedAt ?? 0) >= startedAt;
}

function describeProgress({ checkedBlobs, totalBlobs, checkedBytes, totalBytes }: Scrub): string {
  return `${String(checkedBlobs)} of ${String(totalBlobs)} blobs, ${sizeText(checkedBytes)} of ${sizeText(totalBytes)}`;
}

function* describe(state: Scrub): Iterable<string> {
  const { startedAt, lastFinishedAt, nextAt, damaged, problem } = state;
  if (startedAt === undefined) yield 'Round     none yet';
  else yield `Round     ${stateOf(state)}, ${describeProgress(state)}`;
  if (lastFinishedAt !== undefined) yield `Finished  ${new Date(lastFinishedAt).toISOString()}`;
  if (nextAt !== undefined) yield `Next      ${new Date(nextAt).toISOString()}`;
  if (problem !== undefined) yield `Problem   ${problem}`;
  const repaired = damaged.filter((one) => one.repairedAt !== undefined).length;
  yield `Damaged   ${String(state.unrepaired)} not repaired, ${String(repaired)} repaired`;
  for (const one of damaged) yield* describeDamaged(one);
}

function stateOf(state: Scrub): string {
  if (state.running) return 'running';
  return isFinished(state) ? 'finished' : 'not finished';
}

function* describeDamaged({ digest, kind, reason, repairedAt, problem, breaks }: Damaged): Iterable<string> {
  const end = repairedAt === undefined ? 'not repaired' : 'repaired';
  yield `${kind} ${digest}  ${reason}, ${end}${problem === undefined ? '' : `: ${problem}`}`;
  for (const name of breaks) yield `    breaks  ${name}`;
}
