import type { RouteResponse } from '../api/contract.ts';
import { ConfigError } from '../errors.ts';
import { withAdmin } from './admin-call.ts';
import type { CliIo, CommandLine } from './io.ts';
import { sizeText } from './size-text.ts';

type Storage = RouteResponse<'getStorage'>;
type Evictions = RouteResponse<'listEvictions'>;

/** Images that are named of what goes next. */
const shownNames = 10;

/** `zhi-mirror storage`: what is kept, what bounds it, and what goes next when room is needed. */
export async function storage(line: CommandLine, io: CliIo): Promise<number> {
  if (line.problems.length > 0) throw new ConfigError(line.problems);
  const [kept, next] = await withAdmin(line, io, async (admin) => [
    await admin.call('getStorage'),
    await admin.call('listEvictions', { query: { limit: shownNames } }),
  ]);
  if (line.isJson) io.out(JSON.stringify({ ...kept, next }, undefined, 2));
  else for (const text of [...describeKept(kept), '', ...describeNext(next)]) io.out(text);
  return 0;
}

function describeKept(kept: Storage): readonly string[] {
  const { capBytes, floorBytes, usedBytes, freeBytes, totalBytes } = kept;
  const cap = capBytes === 0 ? 'none' : `${sizeText(capBytes)}, ${sizeText(usedBytes)} used`;
  const facts: readonly (readonly [string, string])[] = [
    ['cached', sizeText(kept.cachedBytes)],
    ['pushed', sizeText(kept.pushedBytes)],
    ['coming in', sizeText(kept.incomingBytes)],
    ['pinned', `${sizeText(kept.pinnedBytes)} of it`],
    ['kept', `${sizeText(kept.keptBytes)} of it only to go back to`],
    ['cap', cap],
    ['floor', `${sizeText(floorBytes)} stay free`],
    ['disk', `${sizeText(freeBytes)} free of ${sizeText(totalBytes)}`],
  ];
  return facts.map(([name, value]) => `${name.padEnd(10)}${value}`);
}

function describeNext({ rows, more }: Evictions): readonly string[] {
  if (rows.length === 0) return ['Nothing would go: what is kept is pinned or pushed, or there is nothing.'];
  const width = Math.max(...rows.map((row) => sizeText(row.bytes).length));
  return [
    'Goes next when room is needed:',
    ...rows.map((row) => `${sizeText(row.bytes).padStart(width)}  ${nameOf(row)}  (${whyOf(row)})`),
    ...(more ? ['and more'] : []),
  ];
}

function nameOf({ repository, references, digest }: Evictions['rows'][number]): string {
  return references[0] === digest ? `${repository}@${digest}` : `${repository}:${references.join(', ')}`;
}

function whyOf({ lastPulledAt, firstSeenAt }: Evictions['rows'][number]): string {
  const at = new Date(lastPulledAt ?? firstSeenAt).toISOString().slice(0, 16).replace('T', ' ');
  return lastPulledAt === undefined ? `came ${at} UTC, never pulled since` : `last pulled ${at} UTC`;
}
