import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

/** One gate: a program that must end with 0. */
export interface Check {
  readonly name: string;
  readonly args: readonly string[];
}

/** How a gate ended and what it printed. */
export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  readonly output: string;
  readonly seconds: number;
}

const inModules = (path: string): string => join(root, 'node_modules', path);

/** What must hold before a commit besides the tests: types, lint, format, documents, no dead exports. */
export const gates: readonly Check[] = [
  { name: 'types', args: [inModules('typescript/bin/tsc'), '-p', '.'] },
  { name: 'lint', args: [inModules('eslint/bin/eslint.js'), '--max-warnings', '0', '.'] },
  {
    name: 'format',
    args: [
      inModules('prettier/bin/prettier.cjs'),
      '--check',
      '--log-level',
      'warn',
      '--cache',
      '--cache-location',
      '.cache/prettier',
      '.',
    ],
  },
  { name: 'documents', args: [join(root, 'build/check-docs.ts')] },
  { name: 'dead exports', args: [inModules('knip/bin/knip.js'), '--no-progress'] },
];

/** The fast suites, as gates. */
export const suites: readonly Check[] = [
  { name: 'unit tests', args: [inModules('vitest/vitest.mjs'), 'run', '--project', 'unit', '--reporter', 'dot'] },
  {
    name: 'architecture',
    args: [inModules('vitest/vitest.mjs'), 'run', '--project', 'architecture', '--reporter', 'dot'],
  },
];

/** Runs one gate under this Node; never throws. */
export function runCheck({ name, args }: Check): Promise<CheckResult> {
  const startedAt = performance.now();
  return new Promise((resolveResult) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, FORCE_COLOR: '0' },
    });
    let output = '';
    const add = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    child.on('error', (error) => {
      resolveResult({ name, passed: false, output: error.message, seconds: 0 });
    });
    child.on('close', (code) => {
      resolveResult({
        name,
        passed: code === 0,
        output: output.trim(),
        seconds: (performance.now() - startedAt) / 1000,
      });
    });
  });
}
