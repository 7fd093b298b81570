import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findElectron, installedElectron, platformObstacle } from '../electron-binary.mjs';
import { findOn, root } from '../bootstrap.mjs';
import { countPlaywright, countVitest } from './counts.ts';
import type { Counts } from './counts.ts';
import { toolPath } from './tools.ts';

/** One suite of `npm test`. */
export interface Suite {
  readonly name: string;
  readonly runner: 'vitest' | 'playwright';
  /** Programs its tests run. */
  readonly tools: readonly string[];
  /** Whether its tests run what is in `dist/`. */
  readonly needsBuild: boolean;
  readonly limitMinutes: number;
}

/** How a suite ended. */
export interface SuiteResult extends Counts {
  readonly name: string;
  readonly seconds: number;
  /** Why it did not run, or did not end well, beyond what the tests themselves say. */
  readonly remark?: string;
}

/** In the order in which they run: the fast first. */
export const suites: readonly Suite[] = [
  { name: 'unit', runner: 'vitest', tools: [], needsBuild: false, limitMinutes: 5 },
  { name: 'architecture', runner: 'vitest', tools: [], needsBuild: false, limitMinutes: 2 },
  { name: 'integration', runner: 'vitest', tools: [], needsBuild: true, limitMinutes: 8 },
  {
    name: 'clients',
    runner: 'vitest',
    tools: [
      'skopeo',
      'podman',
      'buildah',
      'docker-registry',
      'containerd',
      'ctr',
      'umoci',
      'crane',
      'cosign',
      'helm',
      'curl',
    ],
    needsBuild: true,
    limitMinutes: 10,
  },
  { name: 'e2e', runner: 'playwright', tools: ['chromium'], needsBuild: true, limitMinutes: 8 },
  { name: 'desktop', runner: 'playwright', tools: [], needsBuild: true, limitMinutes: 5 },
];

const reports = join(root, '.cache/reports');
const running = new Set<ChildProcess>();

/** Ends every suite under way, with what it started. */
export function stopSuites(): void {
  for (const child of running) killGroup(child, 'SIGTERM');
}

/** Runs the suite and shows its output as it comes; never throws. `missing`: programs that could not be had. */
export async function runSuite(suite: Suite, missing: readonly string[], deadline: number): Promise<SuiteResult> {
  const startedAt = performance.now();
  const obstacle = suite.runner === 'vitest' ? undefined : await playwrightObstacle(suite, missing);
  if (obstacle !== undefined) {
    const skipped = await countListed(suite);
    return { name: suite.name, passed: 0, failed: 0, skipped, seconds: 0, remark: `not run: ${obstacle}` };
  }
  const report = join(reports, `${suite.name}.json`);
  mkdirSync(reports, { recursive: true });
  rmSync(report, { force: true });
  const limitMs = Math.max(1000, Math.min(suite.limitMinutes * 60_000, deadline - startedAt));
  const { code, timedOut } = await runProcess(commandOf(suite, report), limitMs);
  const seconds = (performance.now() - startedAt) / 1000;
  return { name: suite.name, seconds, ...judge(suite, report, code, timedOut) };
}

function judge(suite: Suite, report: string, code: number, timedOut: boolean): Counts & { remark?: string } {
  const counts = existsSync(report) ? readCounts(suite, report) : { passed: 0, failed: 0, skipped: 0 };
  if (timedOut) return { ...counts, failed: counts.failed + 1, remark: 'stopped: it took too long' };
  if (counts.passed + counts.failed + counts.skipped === 0) return { ...counts, failed: 1, remark: 'no test ran' };
  if (code !== 0 && counts.failed === 0)
    return { ...counts, failed: 1, remark: `ended with ${String(code)} outside of any test` };
  return counts;
}

function readCounts(suite: Suite, report: string): Counts {
  const content: unknown = JSON.parse(readFileSync(report, 'utf8'));
  return suite.runner === 'vitest' ? countVitest(content) : countPlaywright(content);
}

interface Command {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Program that brings a display for the one given to it. */
  readonly display?: string | undefined;
}

function commandOf({ name, runner }: Suite, report: string): Command {
  if (runner === 'playwright') {
    const args = [playwright, 'test', '--config', configOf(name), '--reporter', 'list,json'];
    const display = name === 'desktop' && !hasDisplay() ? virtualDisplay() : undefined;
    return {
      args,
      display,
      env: { PLAYWRIGHT_JSON_OUTPUT_FILE: report },
    };
  }
  const args = ['run', '--project', name, '--reporter', 'default', '--reporter', 'json', '--outputFile.json', report];
  return { args: [join(root, 'node_modules/vitest/vitest.mjs'), ...args], env: {} };
}

const playwright = join(root, 'node_modules/@playwright/test/cli.js');
const configOf = (name: string): string => `test/${name}/playwright.config.ts`;

async function playwrightObstacle(suite: Suite, missing: readonly string[]): Promise<string | undefined> {
  const lacking = suite.tools.find((tool) => missing.includes(tool));
  if (lacking !== undefined) return `${lacking} is missing`;
  if (suite.name !== 'desktop') return undefined;
  if (installedElectron() === undefined) {
    const obstacle = platformObstacle();
    return obstacle === undefined
      ? (await findElectron()).reason
      : `Electron's binary is not installed (and ${obstacle})`;
  }
  return hasDisplay() || virtualDisplay() !== undefined ? undefined : 'there is no display, and no xvfb-run';
}

function hasDisplay(): boolean {
  return process.platform !== 'linux' || Boolean(process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY']);
}

function virtualDisplay(): string | undefined {
  return findOn(toolPath(), 'xvfb-run');
}

/** How many tests the suite has, without running one. */
async function countListed({ name }: Suite): Promise<number> {
  const report = join(reports, `${name}-list.json`);
  mkdirSync(reports, { recursive: true });
  rmSync(report, { force: true });
  const args = [playwright, 'test', '--config', configOf(name), '--list', '--reporter', 'json'];
  await runProcess({ args, env: { PLAYWRIGHT_JSON_OUTPUT_FILE: report } }, 60_000);
  return existsSync(report) ? countPlaywright(JSON.parse(readFileSync(report, 'utf8')) as unknown).listed : 0;
}

/** Runs a Node program in a process group of its own, so that nothing it started outlives it. */
function runProcess({ args, env, display }: Command, limitMs: number): Promise<{ code: number; timedOut: boolean }> {
  return new Promise((resolve) => {
    const [program = '', ...rest] = [...(display === undefined ? [] : [display, '-a']), process.execPath, ...args];
    const child = spawn(program, rest, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, PATH: toolPath(), ...env },
      detached: process.platform !== 'win32',
    });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child, 'SIGKILL');
    }, limitMs);
    running.add(child);
    const end = (code: number): void => {
      clearTimeout(timer);
      running.delete(child);
      killGroup(child, 'SIGKILL');
      resolve({ code, timedOut });
    };
    child.on('error', () => {
      end(127);
    });
    child.on('exit', (code) => {
      end(code ?? 1);
    });
  });
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal);
  } catch {
    // nobody left in the group
  }
}
