import type { ContestantKey, RowKey } from './options.ts';

/** What this mirror must reach: a bound that is a figure, or a factor on the best of some peers. */
export type Goal =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'peer'; readonly factor: number; readonly peers: readonly ContestantKey[] };

/** One line of the table. */
export interface Measure {
  readonly id: string;
  readonly row: RowKey;
  readonly label: string;
  readonly digits: number;
  readonly better: 'lower' | 'higher';
  readonly goals: readonly Goal[];
}

const distribution = ['distribution3', 'distribution2'] as const;

/** Every line of the table, in the order it is printed, with the goals of the project's plan. */
export const measures = [
  lower('cold.total', 'cold', 'cold 500 MiB image (5 × 100 MiB) by tag, s', 2, times(1, ...distribution)),
  lower('cold.manifest', 'cold', '… manifest answer, s', 3, atMost(0.03)),
  lower('cold.firstByte', 'cold', '… first blob byte after the start of the pull, s', 3, times(1.5, 'nginx')),
  lower(
    'coldFar.total',
    'cold-far',
    'cold 500 MiB image, upstream 30 ms away at 50 MiB/s: total, s',
    2,
    times(1.05, 'nginx'),
  ),
  lower('coldFar.manifest', 'cold-far', '… manifest answer, s', 3),
  lower('coldFar.firstByte', 'cold-far', '… first blob byte, s', 3, times(1.05, 'nginx')),
  higher(
    'tag.rate',
    'tag',
    'warm manifest by tag, req/s (wrk, 32 connections)',
    0,
    times(3, 'zot'),
    times(10, ...distribution),
  ),
  lower('tag.p99', 'tag', '… p99, ms', 2),
  lower('tag.upstream', 'tag', '… upstream requests caused meanwhile', 0, atMost(0)),
  higher('tagFar.rate', 'tag-far', 'warm manifest by tag, upstream 30 ms away, req/s', 0, times(20, 'zot')),
  lower('tagFar.alone', 'tag-far', '… one alone, ms', 2, atMost(2)),
  higher('digest.rate', 'digest', 'warm manifest by digest, req/s', 0, times(1.5, 'zot')),
  lower('digest.p99', 'digest', '… p99, ms', 2),
  higher('config.rate', 'config', 'warm config blob < 1 KiB, req/s', 0, times(1.5, 'zot')),
  higher('blob.one', 'blob', 'warm 100 MiB blob, 1 client, GB/s', 2, times(1, 'zot', ...distribution)),
  higher('blob.four', 'blob', '… 4 clients, GB/s', 2, times(1, 'zot', ...distribution)),
  lower('blob.cpu', 'blob', '… server CPU seconds per GB', 2, times(1, 'zot')),
  higher('herd.complete', 'herd', '50 cold clients, one 100 MiB blob, no manifest asked: complete', 0, atLeast(50)),
  lower('herd.gets', 'herd', '… upstream GETs of the blob', 0, atMost(1)),
  lower('herd.seconds', 'herd', '… s', 2, times(1.3, 'nginx')),
  higher('herdTag.complete', 'herd-tag', '50 × (manifest by tag, then blob): complete', 0, atLeast(50)),
  lower('herdTag.gets', 'herd-tag', '… upstream GETs of the blob', 0, atMost(1)),
  lower('herdTag.seconds', 'herd-tag', '… s', 2, times(1, 'zot')),
  higher(
    'herdFar.complete',
    'herd-far',
    '50 × (manifest, blob), upstream 30 ms away at 50 MiB/s: complete',
    0,
    atLeast(50),
  ),
  lower('herdFar.seconds', 'herd-far', '… s', 2, times(1.1, 'zot')),
  lower('herdFar.megabytes', 'herd-far', '… MB fetched from upstream', 0),
  higher(
    'push1.rate',
    'push-1',
    'push of images with a 1 MiB layer, 4 clients, images/s',
    1,
    times(1, 'zot'),
    times(1, ...distribution),
  ),
  lower('push1.cpu', 'push-1', '… server CPU seconds per GiB', 2),
  higher('push10.rate', 'push-10', '… with a 10 MiB layer, images/s', 1, times(1, 'zot'), times(1, ...distribution)),
  lower('push10.cpu', 'push-10', '… server CPU seconds per GiB', 2),
  higher('push100.rate', 'push-100', '… with a 100 MiB layer, images/s', 2, times(1, 'zot'), times(1, ...distribution)),
  lower('push100.cpu', 'push-100', '… server CPU seconds per GiB', 2),
  lower('memory.idle', 'memory', 'idle RSS, MiB', 0, atMost(110)),
  lower('memory.peak', 'memory', 'peak RSS with the herd, MiB', 0, atMost(200)),
  lower('start.ms', 'start', 'start to first 200 on /v2/, ms', 0, atMost(600)),
] as const satisfies readonly Measure[];

/** The id of a line of the table. */
export type MeasureId = (typeof measures)[number]['id'];

/** What one run of one experiment found. */
export type Readings = Partial<Record<MeasureId, number>>;

type Line<Id extends string> = Measure & { readonly id: Id };

function lower<Id extends string>(id: Id, row: RowKey, label: string, digits: number, ...goals: Goal[]): Line<Id> {
  return { id, row, label, digits, better: 'lower', goals };
}

function higher<Id extends string>(id: Id, row: RowKey, label: string, digits: number, ...goals: Goal[]): Line<Id> {
  return { id, row, label, digits, better: 'higher', goals };
}

function atMost(value: number): Goal {
  return { kind: 'value', value };
}

/** The same as `atMost`: the direction is the measure's. */
function atLeast(value: number): Goal {
  return { kind: 'value', value };
}

function times(factor: number, ...peers: ContestantKey[]): Goal {
  return { kind: 'peer', factor, peers };
}
