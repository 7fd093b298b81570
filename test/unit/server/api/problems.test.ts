import { describe, expect, it } from 'vitest';
import { isBug, problemOf, retryAfterSeconds } from '../../../../server/api/problems.ts';
import { ConfigError, MirrorError, StorageError, UpstreamError, errorCodes } from '../../../../server/errors.ts';

describe('a problem', () => {
  it('has a status of a failure for every code, and 5xx only where the client is not to blame', () => {
    const statuses = Object.fromEntries(
      errorCodes.map((code) => [code, problemOf(new MirrorError(code, 'why'), 'r1').status]),
    );
    expect(Object.values(statuses).every((status) => status >= 400 && status < 600)).toBe(true);
    expect(statuses).toMatchObject({
      NOT_FOUND: 404,
      CONFLICT: 409,
      DENIED: 403,
      REQUEST_INVALID: 400,
      UPSTREAM_LIMITED: 429,
      UPSTREAM_UNREACHABLE: 503,
      UPSTREAM_REFUSED: 502,
      STORAGE_FULL: 507,
      INTERNAL: 500,
    });
  });

  it('tells nothing of the inside of a bug', () => {
    for (const bug of [
      new TypeError('x is not a function at /home/me'),
      new MirrorError('INTERNAL', 'inside'),
      'text',
    ]) {
      expect(problemOf(bug, 'r1')).toEqual({
        type: 'urn:zhi-mirror:error:INTERNAL',
        title: 'Internal error',
        status: 500,
        code: 'INTERNAL',
        detail: 'internal error; the log has it under request r1',
        requestId: 'r1',
      });
      expect(isBug(bug)).toBe(true);
    }
    expect(isBug(new StorageError('STORAGE_FULL', 'full'))).toBe(false);
  });

  it('lists every problem found and says when to come again', () => {
    expect(problemOf(new ConfigError(['one', 'two']), 'r1')).toMatchObject({
      status: 400,
      code: 'CONFIG_INVALID',
      problems: ['one', 'two'],
    });
    expect(retryAfterSeconds(new UpstreamError('UPSTREAM_LIMITED', 'later', { retryAfterMs: 1500 }))).toBe(2);
    expect(retryAfterSeconds(new UpstreamError('UPSTREAM_FAILED', 'now'))).toBeUndefined();
  });
});
