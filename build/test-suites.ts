import { gates, runCheck } from './checks.ts';
import { ensureBuilt } from './ensure-built.mjs';
import type { Counts } from './testing/counts.ts';
import { runSuite, stopSuites, suites } from './testing/suites.ts';
import type { Suite, SuiteResult } from './testing/suites.ts';
import { provideTools } from './testing/tools.ts';
import type { MissingTool } from './testing/tools.ts';

/**
 * `npm test [suite…] [--strict] [--gates]`: gets the tools, builds, runs the suites and sums them up in the last line,
 * `N passed, N failed, N skipped`. `--strict`: a missing tool or a skipped test is a failure, but for tests that need
 * Electron's binary. `--gates`: types, lint, format, documents and dead exports count as tests too.
 */
const limitMs = 24 * 60_000;
/** What the bench compares with; wanted on a machine that runs everything. */
const benchTools = ['wrk', 'nginx'];

interface Options {
  readonly chosen: readonly Suite[];
  readonly isAll: boolean;
  readonly isStrict: boolean;
  readonly withGates: boolean;
}

function readOptions(args: readonly string[]): Options {
  const names = args.filter((argument) => !argument.startsWith('--'));
  const unknown = [
    ...args.filter((argument) => argument.startsWith('--') && !['--strict', '--gates'].includes(argument)),
    ...names.filter((name) => !suites.some((suite) => suite.name === name)),
  ];
  if (unknown.length > 0) {
    console.error(
      `zhi-mirror: unknown: ${unknown.join(' ')}; suites: ${suites.map(({ name }) => name).join(' ')}; flags: --strict --gates`,
    );
    process.exit(2);
  }
  return {
    chosen: names.length === 0 ? suites : suites.filter(({ name }) => names.includes(name)),
    isAll: names.length === 0,
    isStrict: args.includes('--strict'),
    withGates: args.includes('--gates'),
  };
}

async function runGates(): Promise<SuiteResult> {
  const startedAt = performance.now();
  const results = await Promise.all(gates.map(runCheck));
  const failed = results.filter(({ passed }) => !passed);
  for (const { name, output } of failed) console.log(`\n──── ${name}\n${output}`);
  const seconds = (performance.now() - startedAt) / 1000;
  const remark = failed.length === 0 ? {} : { remark: `failed: ${failed.map(({ name }) => name).join(', ')}` };
  return {
    name: 'gates',
    passed: results.length - failed.length,
    failed: failed.length,
    skipped: 0,
    seconds,
    ...remark,
  };
}

/** Under `--strict`, what was skipped though it had to run, and the tools that are missing, as failures. */
function strictFailures(results: readonly SuiteResult[], missing: readonly MissingTool[]): string[] {
  const isExcused = ({ name, remark }: SuiteResult): boolean => name === 'desktop' && remark !== undefined;
  const skipping = results.filter((result) => result.skipped > 0 && !isExcused(result));
  return [
    ...skipping.map(({ name, skipped }) => `${String(skipped)} skipped in ${name}`),
    ...missing.map(({ program, reason }) => `${program} is missing: ${reason}`),
  ];
}

function report({ name, passed, failed, skipped, seconds, remark }: SuiteResult): string {
  const counts = `${String(passed).padStart(5)} passed ${String(failed).padStart(3)} failed ${String(skipped).padStart(3)} skipped`;
  return `${name.padEnd(13)}${counts}  ${seconds.toFixed(0).padStart(4)} s${remark === undefined ? '' : `  ${remark}`}`;
}

function sum(results: readonly Counts[]): Counts {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of results) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const deadline = performance.now() + limitMs;
  const wanted = [...options.chosen.flatMap(({ tools }) => tools), ...(options.isAll ? benchTools : [])];
  const missing = provideTools(wanted);
  if (options.chosen.some(({ needsBuild }) => needsBuild)) ensureBuilt();
  const results: SuiteResult[] = options.withGates ? [await runGates()] : [];
  for (const suite of options.chosen) {
    console.log(`\n════ ${suite.name}`);
    results.push(
      await runSuite(
        suite,
        missing.map(({ program }) => program),
        deadline,
      ),
    );
  }
  conclude(options, results, missing);
}

function conclude(options: Options, results: readonly SuiteResult[], missing: readonly MissingTool[]): void {
  const strict = options.isStrict ? strictFailures(results, missing) : [];
  const { passed, failed, skipped } = sum([...results, { passed: 0, failed: strict.length, skipped: 0 }]);
  console.log('\n════ all suites');
  for (const result of results) console.log(report(result));
  for (const { program, reason } of missing) console.log(`missing: ${program} (${reason})`);
  for (const failure of strict) console.log(`strict: ${failure}`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  console.log(`${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped`);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopSuites();
    process.exit(130);
  });
}
await main();
