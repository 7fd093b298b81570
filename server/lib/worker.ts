import { Worker } from 'node:worker_threads';

/**
 * Starts a worker thread whose entry is `server/<entry>.ts`, e.g. `storage/hash-worker`: from the sources under tests
 * and `dev`, from `dist/server/` when built.
 */
export function startWorker(entry: string, workerData: unknown): Worker {
  return new Worker(workerUrl(entry, import.meta.url), { workerData, name: entry });
}

function workerUrl(entry: string, from: string): URL {
  if (from.endsWith('.ts')) return new URL(`../${entry}.ts`, from);
  const root = from.slice(0, from.lastIndexOf('/dist/server/') + '/dist/server/'.length);
  return new URL(`${entry}.js`, root);
}
