import { ConfigError } from '../errors.ts';
import type { AdminClient } from './admin-call.ts';
import { withAdmin } from './admin-call.ts';
import type { CliIo, CommandLine } from './io.ts';
import { readTagName, storedName } from './stored-name.ts';

interface TagName {
  readonly repository: string;
  readonly tag: string;
}

/** `zhi-mirror rollback REPOSITORY:TAG`: puts a tag back where it pointed, or lets it follow its upstream again. */
export async function rollback(line: CommandLine, io: CliIo): Promise<number> {
  const both =
    line.options['follow'] !== undefined && (line.options['to'] ?? line.options['dry-run']) !== undefined
      ? ['--follow lets the tag go where its upstream has it; leave out --to and --dry-run.']
      : [];
  if (line.problems.length + both.length > 0) throw new ConfigError([...line.problems, ...both]);
  const written = readTagName(line.words[0] ?? '');
  await withAdmin(line, io, async (admin) => {
    const name = { ...written, repository: await storedName(admin, written.repository) };
    if (line.options['follow'] === undefined) await rollBack(admin, name, line, io);
    else await follow(admin, name, line, io);
  });
  return 0;
}

async function rollBack(admin: AdminClient, name: TagName, line: CommandLine, io: CliIo): Promise<void> {
  const dryRun = line.options['dry-run'] !== undefined;
  const to = line.options['to'];
  const digest = to === undefined ? {} : { digest: await wholeDigest(admin, name, to) };
  const done = await admin.call('rollbackTag', { body: { ...name, ...digest, dryRun } });
  if (line.isJson) {
    io.out(JSON.stringify(done, undefined, 2));
    return;
  }
  const what = `${done.repository}:${done.tag}`;
  io.out(`${what} ${dryRun ? 'would point' : 'points'} at ${done.to}`);
  io.out(done.from === undefined ? 'It was deleted.' : `It ${dryRun ? 'points' : 'pointed'} at ${done.from}`);
  if (done.holds)
    io.out(
      `It ${dryRun ? 'would stay' : 'stays'} there, whatever its upstream says, until "zhi-mirror rollback ${what} --follow".`,
    );
}

async function follow(admin: AdminClient, name: TagName, line: CommandLine, io: CliIo): Promise<void> {
  const past = await admin.call('releaseTag', { body: name });
  if (line.isJson) io.out(JSON.stringify(past, undefined, 2));
  else io.out(`${past.repository}:${past.tag} follows its upstream again; it points at ${past.current ?? 'nothing'}`);
}

/** The digest of the tag's history that begins so; what no digest begins with is left for the mirror to refuse. */
async function wholeDigest(admin: AdminClient, name: TagName, to: string): Promise<string> {
  const { entries } = await admin.call('getTagHistory', { query: name });
  const digests = [...new Set(entries.map((entry) => entry.digest))];
  const found = digests.filter((digest) => digest.startsWith(to) || digest.split(':')[1]?.startsWith(to) === true);
  if (found.length > 1)
    throw new ConfigError([`--to ${to} is the beginning of ${String(found.length)} digests; write more of it.`], {
      value: to,
    });
  return found[0] ?? to;
}
