import { parseArgs } from 'node:util';

/** The rows of the table that `--rows` can choose, in the order they are measured. */
export const rowKeys = [
  'start',
  'memory',
  'cold',
  'tag',
  'digest',
  'config',
  'blob',
  'herd',
  'herd-tag',
  'cold-far',
  'tag-far',
  'herd-far',
  'push-1',
  'push-10',
  'push-100',
] as const;

/** One row group of the table. */
export type RowKey = (typeof rowKeys)[number];

/** Contestants `--peers` can choose; this mirror always takes part unless `--no-mirror` is given. */
export const peerKeys = ['direct', 'zot', 'distribution3', 'distribution2', 'nginx'] as const;

/** One contestant of the benchmark. */
export type ContestantKey = (typeof peerKeys)[number] | 'mirror';

/** What the command line asked for. */
export interface BenchOptions {
  readonly rows: readonly RowKey[];
  readonly contestants: readonly ContestantKey[];
  readonly isQuick: boolean;
  readonly runs: number;
  readonly loadSeconds: number;
  readonly jsonFile: string | undefined;
  readonly parentDirectory: string | undefined;
}

/** How the command is used, one option per line. */
export const usage = `npm run bench -- [options]
  --rows a,b     only these rows: ${rowKeys.join(', ')}
  --peers a,b    only these peers beside this mirror: ${peerKeys.join(', ')}; "none" for the mirror alone
  --no-mirror    peers only
  --quick        one run per row, loads of 2 s, no far herd through Distribution
  --runs N       runs per row (default 3); the table shows medians
  --json FILE    write every single reading to FILE
  --dir DIR      where caches and the upstream's content live meanwhile (default: the system's temporary directory)`;

/** Parses the command line; a wrong one throws a RangeError or TypeError whose message is meant for the person. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string' },
      peers: { type: 'string' },
      'no-mirror': { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      runs: { type: 'string' },
      json: { type: 'string' },
      dir: { type: 'string' },
    },
  });
  const isQuick = values.quick;
  const runs = Number(values.runs ?? (isQuick ? 1 : 3));
  if (!Number.isInteger(runs) || runs < 1) throw new RangeError(`--runs ${String(values.runs)}: not a positive number`);
  const peers = values.peers === 'none' ? [] : choose('--peers', values.peers, peerKeys);
  return {
    rows: choose('--rows', values.rows, rowKeys),
    contestants: values['no-mirror'] ? peers : [...peers, 'mirror'],
    isQuick,
    runs,
    loadSeconds: isQuick ? 2 : 8,
    jsonFile: values.json,
    parentDirectory: values.dir,
  };
}

function choose<Key extends string>(option: string, text: string | undefined, known: readonly Key[]): readonly Key[] {
  if (text === undefined) return known;
  const wanted = text.split(',').map((word) => word.trim());
  const unknown = wanted.filter((word) => !known.some((key) => key === word));
  if (unknown.length > 0) throw new RangeError(`${option} ${unknown.join(',')}: not one of ${known.join(', ')}`);
  return known.filter((key) => wanted.includes(key));
}
