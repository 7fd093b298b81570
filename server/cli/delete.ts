import type { RouteResponse } from '../api/contract.ts';
import { ConfigError } from '../errors.ts';
import { withAdmin } from './admin-call.ts';
import type { CliIo, CommandLine } from './io.ts';
import { sizeText } from './size-text.ts';
import { readNamedContent, storedName } from './stored-name.ts';
import { timeText } from './time-text.ts';

type Deleted = RouteResponse<'deleteContent'>;

/** `zhi-mirror delete REPOSITORY[:TAG|@DIGEST]`: deletes content; it can be undone unless `--free-now` is given. */
export async function deleteContent(line: CommandLine, io: CliIo): Promise<number> {
  if (line.problems.length > 0) throw new ConfigError(line.problems);
  const written = readNamedContent(line.words[0] ?? '');
  const dryRun = line.options['dry-run'] !== undefined;
  const freeNow = line.options['free-now'] !== undefined;
  await withAdmin(line, io, async (admin) => {
    const repository = await storedName(admin, written.repository);
    const target = { repository, ...(written.reference === undefined ? {} : { reference: written.reference }) };
    const deleted = dryRun
      ? await admin.call('previewDelete', { query: { ...target, freeNow: String(freeNow) } })
      : await admin.call('deleteContent', { body: { ...target, freeNow } });
    if (line.isJson) io.out(JSON.stringify(deleted, undefined, 2));
    else for (const text of describe(deleted, nameOf(target), dryRun)) io.out(text);
  });
  return 0;
}

function describe(deleted: Deleted, name: string, isDryRun: boolean): readonly string[] {
  const { items, itemsTotal, freedBytes, keptBytes, keptUntil } = deleted;
  const more = itemsTotal - items.length;
  const count = `${String(itemsTotal)} ${itemsTotal === 1 ? 'item' : 'items'} ${isDryRun ? 'would go' : 'deleted'}`;
  const freed = `${sizeText(freedBytes)} ${isDryRun ? 'would be' : 'are'} free at once`;
  const undo =
    keptUntil === undefined
      ? "It can't be undone."
      : `${sizeText(keptBytes)} ${isDryRun ? 'would be' : 'are'} kept until ${timeText(keptUntil)}; until then "zhi-mirror restore ${name}" brings it back.`;
  return [...items, ...(more > 0 ? [`and ${String(more)} more`] : []), `${count}; ${freed}.`, undo];
}

function nameOf({ repository, reference }: { readonly repository: string; readonly reference?: string }): string {
  if (reference === undefined) return repository;
  return `${repository}${reference.includes(':') ? '@' : ':'}${reference}`;
}
