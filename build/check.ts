import { gates, runCheck, suites } from './checks.ts';
import type { Check, CheckResult } from './checks.ts';

/** `npm run check`: every gate and the fast suites at once; the one command before a commit. `--write` renews the documents first. */
async function runAndReport(check: Check): Promise<CheckResult> {
  const result = await runCheck(check);
  console.log(`${result.passed ? 'ok    ' : 'FAILED'} ${result.name} (${result.seconds.toFixed(1)} s)`);
  return result;
}

if (process.argv.includes('--write')) {
  const { name, output, passed } = await runCheck({ name: 'documents', args: ['build/check-docs.ts', '--write'] });
  if (output !== '') console.log(output);
  if (!passed) console.log(`FAILED ${name}`);
}
const results = await Promise.all([...gates, ...suites].map(runAndReport));
const failed = results.filter((result) => !result.passed);
for (const { name, output } of failed) console.log(`\n──── ${name}\n${output}`);
console.log(failed.length === 0 ? '\nall good' : `\nfailed: ${failed.map(({ name }) => name).join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
