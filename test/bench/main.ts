import { writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import type { Bench } from './bench.ts';
import { listContestants, type Contestant } from './contestants.ts';
import { experiments } from './experiments.ts';
import { measures, type MeasureId, type Readings } from './measures.ts';
import { parseOptions, usage, type BenchOptions, type ContestantKey, type RowKey } from './options.ts';
import { median } from './statistics.ts';
import { renderFigures, renderRatios, type Figures } from './table.ts';
import { startUpstream, type UpstreamPrograms } from './upstream.ts';
import { findProgram, Workspace } from './workspace.ts';

/** One run's readings, or why there are none. */
interface Reading {
  readonly contestant: ContestantKey;
  readonly row: RowKey;
  readonly round: number;
  readonly values: Readings;
  readonly failure: string | undefined;
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) return say(usage, 0);
  let options: BenchOptions;
  try {
    options = parseOptions(args);
  } catch (error) {
    return say(`${describe(error)}\n${usage}`, 2);
  }
  const programs = findPrograms();
  if (typeof programs === 'string') return say(programs, 2);
  return runBenchmark(options, programs);
}

async function runBenchmark(options: BenchOptions, programs: UpstreamPrograms): Promise<number> {
  const contestants = listContestants().filter(({ key }) => options.contestants.includes(key));
  const missing = contestants.filter((contestant) => contestant.missing !== undefined);
  for (const { title, missing: reason } of missing) report(`${title} does not take part: ${reason ?? ''}`);
  const present = contestants.filter((contestant) => contestant.missing === undefined);
  const workspace = new Workspace(options.parentDirectory);
  closeOnSignals(workspace);
  try {
    report('starting the upstream');
    const upstream = await startUpstream(workspace, programs);
    const readings = await measureAll({ workspace, upstream, options }, present);
    printResult({ options, present, missing, readings });
    if (options.jsonFile !== undefined)
      await writeFile(
        options.jsonFile,
        JSON.stringify({ date: new Date().toISOString(), machine: describeMachine(), readings }, null, 2),
      );
    return 0;
  } finally {
    await workspace.close();
  }
}

/** Rounds over contestants, row by row, so that whatever the machine does meanwhile meets all of them alike. */
async function measureAll(bench: Bench, contestants: readonly Contestant[]): Promise<readonly Reading[]> {
  const readings: Reading[] = [];
  for (const row of bench.options.rows) {
    for (let round = 0; round < bench.options.runs; round += 1) {
      for (const contestant of contestants) {
        const reading = await measureOnce(bench, { contestant, row, round });
        report(`${row} ${round + 1}/${bench.options.runs} ${contestant.title}: ${summarize(reading)}`);
        readings.push(reading);
      }
    }
  }
  return readings;
}

async function measureOnce(
  bench: Bench,
  { contestant, row, round }: { readonly contestant: Contestant; readonly row: RowKey; readonly round: number },
): Promise<Reading> {
  const base = { contestant: contestant.key, row, round };
  try {
    return { ...base, values: await experiments[row]({ bench, contestant, round }), failure: undefined };
  } catch (error) {
    return { ...base, values: {}, failure: describe(error) };
  }
}

interface Result {
  readonly options: BenchOptions;
  readonly present: readonly Contestant[];
  readonly missing: readonly Contestant[];
  readonly readings: readonly Reading[];
}

function printResult({ options, present, missing, readings }: Result): void {
  const lines = measures.filter(({ row }) => options.rows.includes(row));
  const table = { lines, contestants: present, figures: takeMedians(readings) };
  const failures = readings.filter(({ failure }) => failure !== undefined);
  const parts = [
    `${new Date().toISOString().slice(0, 10)}, ${describeMachine()}; medians of ${options.runs} run(s).`,
    renderFigures(table),
    renderRatios(table),
    missing.map(({ title, missing: reason }) => `Not measured: ${title}, ${reason ?? ''}.`).join('\n'),
    failures
      .map((one) => `Failed: ${one.contestant}, ${one.row}, run ${one.round + 1}: ${one.failure ?? ''}`)
      .join('\n'),
  ];
  process.stdout.write(`\n${parts.filter((part) => part !== '').join('\n\n')}\n`);
}

function takeMedians(readings: readonly Reading[]): Figures {
  return (contestant: ContestantKey, measure: MeasureId) => {
    const own = readings.filter((reading) => reading.contestant === contestant);
    const values = own.map((reading) => reading.values[measure]).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : median(values);
  };
}

function findPrograms(): UpstreamPrograms | string {
  const registry = findProgram('docker-registry') ?? findProgram('registry');
  const nginx = findProgram('nginx');
  const absent = ['curl', 'wrk', 'sync'].filter((name) => findProgram(name) === undefined);
  if (process.platform !== 'linux') return 'The benchmark reads /proc and runs on Linux only.';
  if (registry === undefined) absent.push('docker-registry');
  if (nginx === undefined) absent.push('nginx');
  if (registry === undefined || nginx === undefined || absent.length > 0) {
    return `The benchmark needs ${absent.join(', ')} on PATH (Debian packages of these names).`;
  }
  return { registry, nginx };
}

function closeOnSignals(workspace: Workspace): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      report('ending');
      void workspace.close().finally(() => process.exit(130));
    });
  }
  process.once('exit', () => workspace.closeNow());
}

function describeMachine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model ?? 'CPU'}, ${memory} GiB, Linux ${release()}, Node ${process.versions.node}`;
}

function summarize({ values, failure }: Reading): string {
  if (failure !== undefined) return `failed: ${failure.split('\n')[0] ?? ''}`;
  return Object.entries(values)
    .map(([id, value]) => `${id} ${Number(value.toPrecision(4))}`)
    .join(', ');
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function report(text: string): void {
  process.stderr.write(`${text}\n`);
}

function say(text: string, exitCode: number): number {
  report(text);
  return exitCode;
}
