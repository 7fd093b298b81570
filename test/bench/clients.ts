import type { Workspace } from './workspace.ts';
import { manifestTypes } from './http-probe.ts';

/** One body fetched by a curl process and thrown away. */
export interface Transfer {
  readonly status: number;
  readonly sizeBytes: number;
  readonly seconds: number;
}

/** What a load on one URL came to. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  /** Answers other than 2xx and 3xx, and connections that failed. */
  readonly failures: number;
}

/**
 * Fetches the URLs one after the other over one connection with one curl process. A separate process per client keeps
 * this one free to measure; bodies go to /dev/null.
 */
export async function fetchWithCurl(
  workspace: Workspace,
  urls: readonly string[],
  timeoutSeconds = 180,
): Promise<readonly Transfer[]> {
  const format = '%{http_code} %{size_download} %{time_total} %{exitcode}\\n';
  const targets = urls.flatMap((url) => ['-o', '/dev/null', url]);
  const limit = ['--max-time', String(timeoutSeconds)];
  const accept = ['-H', `Accept: ${manifestTypes}`];
  const { stdout } = await workspace.run('curl', ['-s', '-w', format, ...limit, ...accept, ...targets]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map(parseTransfer);
}

/** Whether all of a body of this size arrived. */
export function isComplete(transfer: Transfer | undefined, sizeBytes: number): boolean {
  return transfer?.status === 200 && transfer.sizeBytes === sizeBytes;
}

/** Puts 32 connections of GETs on a URL. */
export async function loadWithWrk(workspace: Workspace, url: string, seconds: number): Promise<LoadResult> {
  const args = ['-t2', '-c32', `-d${seconds}s`, '--latency', '--timeout', '60s', '-H', `Accept: ${manifestTypes}`, url];
  const { status, stdout, stderr } = await workspace.run('wrk', args);
  if (status !== 0) throw new Error(`wrk failed: ${stderr || stdout}`);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  return {
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
    p99Ms: parseWrkTime(/99%\s+([\d.]+)(us|ms|s|m)\b/.exec(stdout)),
    failures: errors.reduce((sum, text) => sum + Number(text), refused),
  };
}

/** A transfer that broke off counts as status 0, whatever its first line said. */
function parseTransfer(line: string): Transfer {
  const [status = 0, sizeBytes = 0, seconds = 0, exitCode = 0] = line.split(' ').map(Number);
  return { status: exitCode === 0 ? status : 0, sizeBytes, seconds };
}

function parseWrkTime(match: RegExpExecArray | null): number {
  const factors: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };
  return Number(match?.[1] ?? Number.NaN) * (factors[match?.[2] ?? ''] ?? Number.NaN);
}
