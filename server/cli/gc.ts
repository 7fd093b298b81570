import type { RouteResponse } from '../api/contract.ts';
import { ConfigError } from '../errors.ts';
import { withAdmin } from './admin-call.ts';
import type { CliIo, CommandLine } from './io.ts';
import { sizeText } from './size-text.ts';

type Collected = RouteResponse<'collectGarbage'>;

/** `zhi-mirror gc`: removes what nothing needs any more, beside a running mirror or without one; `--dry-run` only lists it. */
export async function gc(line: CommandLine, io: CliIo): Promise<number> {
  if (line.problems.length > 0) throw new ConfigError(line.problems);
  const dryRun = line.options['dry-run'] !== undefined;
  const collected = await withAdmin(line, io, (admin) => admin.call('collectGarbage', { body: { dryRun } }));
  if (line.isJson) io.out(JSON.stringify(collected, undefined, 2));
  else for (const text of describe(collected, dryRun)) io.out(text);
  return 0;
}

function describe({ items, itemsTotal, freedBytes, postponedUntil }: Collected, isDryRun: boolean): readonly string[] {
  const width = Math.max(0, ...items.map((item) => sizeText(item.bytes).length));
  const more = itemsTotal - items.length;
  const found = isDryRun ? 'would go' : 'removed';
  const would = isDryRun ? 'would become' : 'became';
  return [
    ...items.map((item) => `${sizeText(item.bytes).padStart(width)}  ${item.name}  (${item.why})`),
    ...(more > 0 ? [`and ${String(more)} more`] : []),
    itemsTotal === 0
      ? 'Nothing to collect.'
      : `${String(itemsTotal)} ${itemsTotal === 1 ? 'item' : 'items'} ${found}; ${sizeText(freedBytes)} on the disk ${would} free.`,
    ...(postponedUntil === undefined
      ? []
      : [
          `Until ${new Date(postponedUntil).toISOString().slice(0, 16).replace('T', ' ')} UTC only leftover files go: clients may still count on what they were told before the last start (gc.delay).`,
        ]),
  ];
}
