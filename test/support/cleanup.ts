import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestRunner, onTestFinished } from 'vitest';

/**
 * Runs `clean` when the current test has ended, the latest first, and tells it whether the test failed. Outside a test
 * (in `beforeAll`) it does nothing: there the caller cleans up in `afterAll`.
 */
export function atTestEnd(clean: (failed: boolean) => Promise<void>): void {
  if (!isInTest()) return;
  onTestFinished(({ task }) => clean(task.result?.state === 'fail'));
}

function isInTest(): boolean {
  const test: unknown = TestRunner.getCurrentTest();
  return test !== undefined;
}

/** An empty folder, removed at the end of the test; outside a test the caller removes it. */
export async function tempDirectory(name = 'zhi-mirror-test'): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), `${name}-`));
  atTestEnd(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  return directory;
}
