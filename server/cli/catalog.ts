import type { RepositoryRow, RouteResponse, TagRow } from '../api/contract.ts';
import { ConfigError } from '../errors.ts';
import { withAdmin } from './admin-call.ts';
import type { AdminClient } from './admin-call.ts';
import type { CliIo, CommandLine } from './io.ts';
import { sizeText } from './size-text.ts';
import { storedName } from './stored-name.ts';
import { timeText } from './time-text.ts';

const pageSize = 500;

/** `zhi-mirror catalog [TEXT]`: the repositories held, or with `--tags` the tags of one. */
export async function catalog(line: CommandLine, io: CliIo): Promise<number> {
  if (line.problems.length > 0) throw new ConfigError(line.problems);
  const repository = line.options['tags'];
  await withAdmin(line, io, async (admin) => {
    if (repository === undefined) {
      const listed = await listAll(admin, line.words[0] ?? '');
      if (line.isJson) io.out(JSON.stringify(listed, undefined, 2));
      else printTable(io, listed.repositories.map(repositoryCells), 'No repository is held.');
      return;
    }
    const content = await admin.call('getRepository', {
      query: { repository: await storedName(admin, repository) },
    });
    if (line.isJson) io.out(JSON.stringify(content, undefined, 2));
    else printTable(io, content.tags.map(tagCells), `${content.repository.name} has no tags.`);
  });
  return 0;
}

async function listAll(
  admin: AdminClient,
  text: string,
): Promise<Pick<RouteResponse<'listRepositories'>, 'repositories' | 'total'>> {
  const repositories: RepositoryRow[] = [];
  let after: string | undefined;
  do {
    const query = { text, limit: pageSize, ...(after === undefined ? {} : { after }) };
    const page = await admin.call('listRepositories', { query });
    repositories.push(...page.repositories);
    after = page.next;
  } while (after !== undefined);
  return { repositories, total: repositories.length };
}

function repositoryCells({ name, tags, bytes, lastPulledAt }: RepositoryRow): readonly string[] {
  return [name, `${String(tags)} ${tags === 1 ? 'tag' : 'tags'}`, sizeText(bytes), pulledText(lastPulledAt)];
}

function tagCells({ tag, digest, bytes, lastPulledAt, heldSince, pinned }: TagRow): readonly string[] {
  const marks = [...(pinned ? ['pinned'] : []), ...(heldSince === undefined ? [] : ['held'])].join(', ');
  return [tag, digest, sizeText(bytes), pulledText(lastPulledAt), marks];
}

function pulledText(at: number | undefined): string {
  return at === undefined ? 'never pulled' : `pulled ${timeText(at)}`;
}

/** Columns under each other, without headings: one line, one thing. */
function printTable(io: CliIo, rows: readonly (readonly string[])[], none: string): void {
  if (rows.length === 0) io.err(none);
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows)
    io.out(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}
