import type { Contestant } from './contestants.ts';
import type { Goal, Measure, MeasureId } from './measures.ts';
import type { ContestantKey } from './options.ts';

/** Looks up the median of a measure; undefined when there is none. */
export type Figures = (contestant: ContestantKey, measure: MeasureId) => number | undefined;

type Line = Measure & { readonly id: MeasureId };

/** What is printed. */
export interface TableInput {
  readonly lines: readonly Line[];
  readonly contestants: readonly Contestant[];
  readonly figures: Figures;
}

/** The figures as a Markdown table, with what this mirror must reach and whether it does. */
export function renderFigures({ lines, contestants, figures }: TableInput): string {
  const hasMirror = contestants.some(({ key }) => key === 'mirror');
  const header = ['measure', ...contestants.map(({ title }) => title), ...(hasMirror ? ['must reach'] : [])];
  const rows = lines.map((line) => [
    line.label,
    ...contestants.map(({ key }) => formatFigure(line, figures(key, line.id))),
    ...(hasMirror ? [line.goals.map((goal) => judge(line, goal, figures)).join('; ')] : []),
  ]);
  return renderMarkdown([header, ...rows]);
}

/** How many times better than each peer this mirror is, whichever direction is better; empty without the mirror. */
export function renderRatios({ lines, contestants, figures }: TableInput): string {
  const peers = contestants.filter(({ key }) => key !== 'mirror');
  if (peers.length === contestants.length || peers.length === 0) return '';
  const rows = lines.map((line) => [
    line.label,
    ...peers.map(({ key }) => formatRatio(line, figures('mirror', line.id), figures(key, line.id))),
  ]);
  return renderMarkdown([['times better than', ...peers.map(({ title }) => title)], ...rows]);
}

/** One goal's verdict, such as "met: 3.4 × zot (≥ 3)". */
function judge(line: Line, goal: Goal, figures: Figures): string {
  const sign = line.better === 'lower' ? '≤' : '≥';
  const own = figures('mirror', line.id);
  if (own === undefined) return 'not measured';
  if (goal.kind === 'value') return `${verdict(line, own, goal.value)} (${sign} ${goal.value})`;
  const best = bestOf(line, goal.peers, figures);
  if (best === undefined) return `${goal.peers.join(', ')} not measured`;
  const ratio = own / best.figure;
  return `${verdict(line, ratio, goal.factor)}: ${ratio.toFixed(2)} × ${best.key} (${sign} ${goal.factor})`;
}

function verdict(line: Line, reached: number, bound: number): string {
  const isMet = line.better === 'lower' ? reached <= bound : reached >= bound;
  return isMet ? 'met' : '**missed**';
}

function bestOf(
  line: Line,
  peers: readonly ContestantKey[],
  figures: Figures,
): { readonly key: ContestantKey; readonly figure: number } | undefined {
  const known = peers.flatMap((key) => {
    const figure = figures(key, line.id);
    return figure === undefined ? [] : [{ key, figure }];
  });
  return known.toSorted((a, b) => (line.better === 'lower' ? a.figure - b.figure : b.figure - a.figure))[0];
}

function formatFigure(line: Line, figure: number | undefined): string {
  if (figure === undefined) return '–';
  return figure.toLocaleString('en-US', { minimumFractionDigits: line.digits, maximumFractionDigits: line.digits });
}

function formatRatio(line: Line, own: number | undefined, peer: number | undefined): string {
  if (own === undefined || peer === undefined) return '–';
  if (own === peer) return '1.00';
  const ratio = line.better === 'lower' ? peer / own : own / peer;
  return Number.isFinite(ratio) ? ratio.toFixed(2) : '∞';
}

function renderMarkdown(rows: readonly (readonly string[])[]): string {
  const [header = [], ...body] = rows;
  const widths = header.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length), 3));
  const write = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [write(header), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(write)].join('\n');
}
