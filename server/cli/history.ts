import type { RouteResponse } from '../api/contract.ts';
import { ConfigError } from '../errors.ts';
import { withAdmin } from './admin-call.ts';
import type { CliIo, CommandLine } from './io.ts';
import { sizeText } from './size-text.ts';
import { readTagName, storedName } from './stored-name.ts';
import { timeText } from './time-text.ts';

type Past = RouteResponse<'getTagHistory'>;
type Entry = Past['entries'][number];

/** `zhi-mirror history REPOSITORY:TAG`: what the tag pointed at, and what it can be rolled back to. */
export async function history(line: CommandLine, io: CliIo): Promise<number> {
  if (line.problems.length > 0) throw new ConfigError(line.problems);
  const { repository, tag } = readTagName(line.words[0] ?? '');
  const past = await withAdmin(line, io, async (admin) =>
    admin.call('getTagHistory', { query: { repository: await storedName(admin, repository), tag } }),
  );
  if (line.isJson) io.out(JSON.stringify(past, undefined, 2));
  else for (const text of describe(past)) io.out(text);
  return 0;
}

function describe(past: Past): readonly string[] {
  const name = `${past.repository}:${past.tag}`;
  const width = Math.max(...past.entries.map((entry) => sizeText(entry.bytes).length));
  const lines = past.entries.map(
    (entry) =>
      `${shortDigest(entry.digest)}  ${timeText(entry.firstSeenAt)} to ${timeText(entry.lastSeenAt)}  ${sizeText(entry.bytes).padStart(width)}  ${stateOf(entry)}`,
  );
  if (past.heldSince === undefined) return [name, ...lines];
  return [name, ...lines, `Held there since ${timeText(past.heldSince)}; its upstream does not move it.`];
}

function stateOf(entry: Entry): string {
  if (entry.endedAt === undefined) return 'now';
  const ended = entry.endedAs ?? 'moved';
  if (!entry.held) return `${ended}, not here any more`;
  return entry.keptUntil === undefined ? ended : `${ended}, kept until ${timeText(entry.keptUntil)}`;
}

/** Enough of a digest to say it again. */
function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}
