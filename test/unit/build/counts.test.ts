import { describe, expect, it } from 'vitest';
import { countPlaywright, countVitest } from '../../../build/testing/counts.ts';

describe('counting the tests of a suite', () => {
  it('counts a test file that could not be loaded as a failed test', () => {
    const report = {
      numPassedTests: 7,
      numFailedTests: 1,
      numPendingTests: 2,
      numTodoTests: 1,
      testResults: [
        { status: 'passed', assertionResults: [{}] },
        { status: 'failed', assertionResults: [{}] },
        { status: 'failed', assertionResults: [] },
      ],
    };
    expect(countVitest(report)).toEqual({ passed: 7, failed: 2, skipped: 3 });
  });

  it('counts a test that passed only when repeated as failed, and lists tests of nested suites', () => {
    const report = {
      stats: { expected: 3, unexpected: 1, flaky: 1, skipped: 2 },
      specs: [{ tests: [{}] }],
      suites: [{ specs: [{ tests: [{}, {}] }], suites: [{ specs: [{ tests: [{}] }] }] }],
    };
    expect(countPlaywright(report)).toEqual({ passed: 3, failed: 2, skipped: 2, listed: 4 });
  });
});
