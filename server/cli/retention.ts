import type { RouteResponse } from '../api/contract.ts';
import { ConfigError } from '../errors.ts';
import { withAdmin } from './admin-call.ts';
import type { CliIo, CommandLine } from './io.ts';
import { sizeText } from './size-text.ts';

type Applied = RouteResponse<'applyRetention'>;

/**
 * `zhi-mirror retention`: applies the retention rules, beside a running mirror or without one; `--dry-run` only lists what
 * would go, `--list` only says the rules.
 */
export async function retention(line: CommandLine, io: CliIo): Promise<number> {
  const dryRun = line.options['dry-run'] !== undefined;
  const isList = line.options['list'] !== undefined;
  const both = dryRun && isList ? ['--list only says the rules; leave out --dry-run.'] : [];
  if (line.problems.length + both.length > 0) throw new ConfigError([...line.problems, ...both]);
  await withAdmin(line, io, async (admin) => {
    if (isList) {
      const view = await admin.call('getRetention');
      if (line.isJson) io.out(JSON.stringify(view, undefined, 2));
      else for (const text of describeRules(view.sentences)) io.out(text);
      return;
    }
    const applied = await admin.call('applyRetention', { body: { dryRun } });
    if (line.isJson) {
      io.out(JSON.stringify(applied, undefined, 2));
      return;
    }
    for (const warning of applied.warnings) io.err(warning);
    for (const text of describe(applied, dryRun)) io.out(text);
  });
  return 0;
}

function describe(applied: Applied, isDryRun: boolean): readonly string[] {
  const { items, itemsTotal, keptTags, sentences } = applied;
  if (sentences.length === 0) return describeRules(sentences);
  const width = Math.max(0, ...items.map((item) => sizeText(item.bytes).length));
  const more = itemsTotal - items.length;
  const stays = `${count(keptTags, 'tag')} ${keptTags === 1 ? 'stays' : 'stay'}`;
  return [
    ...items.map((item) => `${sizeText(item.bytes).padStart(width)}  ${item.name}  (${item.why})`),
    ...(more > 0 ? [`and ${String(more)} more`] : []),
    ...(itemsTotal === 0
      ? [`Nothing to remove; ${stays}.`]
      : [`${count(itemsTotal, 'item')} ${isDryRun ? 'would go' : 'removed'}; ${stays}.`, freeWords(applied, isDryRun)]),
  ];
}

function freeWords({ freedBytes, keptUntil }: Applied, isDryRun: boolean): string {
  const day = keptUntil === undefined ? '' : new Date(keptUntil).toISOString().slice(0, 16).replace('T', ' ');
  const word = isDryRun ? 'would become' : 'become';
  return `It can be undone until ${day} UTC; ${sizeText(freedBytes)} on the disk ${word} free with the first collection after that.`;
}

function describeRules(sentences: readonly string[]): readonly string[] {
  if (sentences.length === 0)
    return [
      'No retention rules, so every tag stays. The window\'s page "Storage" and retention.rules of the settings file make them.',
    ];
  return sentences.map((sentence, index) => `${String(index + 1)}. ${sentence}`);
}

function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
}
