import { describe, expect, it } from 'vitest';
import { describeChange, withKeptProxy, writtenSettings } from '../../../../server/api/upstream-view.ts';
import { upstream as schema } from '../../../../server/config/schema.ts';

describe("an upstream's settings", () => {
  it('are shown as text that means the same when it is read again', () => {
    const settings = schema.parse({
      name: 'a.test',
      ttl: '90m',
      tags: [
        { pattern: 'v*', ttl: 'immutable' },
        { pattern: 'edge', ttl: '1500ms' },
      ],
    });
    const written = writtenSettings(settings);
    expect(written).toMatchObject({
      ttl: '90m',
      negativeTtl: '1m',
      connectTimeout: '3s',
      tags: [
        { pattern: 'v*', ttl: 'immutable' },
        { pattern: 'edge', ttl: '1500ms' },
      ],
    });
    expect(schema.parse(written)).toEqual(settings);
  });

  it('hide accounts and the user of a proxy, which comes back only unchanged', () => {
    const settings = schema.parse({
      name: 'a.test',
      proxy: 'http://me:p@ss@proxy.test:3128',
      accounts: [{ username: 'u', password: 'secret' }],
    });
    const written = writtenSettings(settings);
    expect(JSON.stringify(written)).not.toMatch(/secret|p@ss|me:/);
    expect(withKeptProxy(written, settings).proxy).toBe('http://me:p@ss@proxy.test:3128');
    expect(withKeptProxy({ ...written, proxy: 'http://***@other.test:3128' }, settings).proxy).toBe(
      'http://***@other.test:3128',
    );
    expect(withKeptProxy(written, undefined).proxy).toBe('http://***@proxy.test:3128');
  });

  it('tell a change by name, old and new', () => {
    const before = writtenSettings(schema.parse({ name: 'a.test' }));
    expect(describeChange(before, before)).toBe('nothing changed');
    expect(describeChange(before, { ...before, mode: 'offline', maxRetries: 0 })).toBe(
      'mode: check → offline; maxRetries: 2 → 0',
    );
  });
});
