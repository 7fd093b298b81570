import { expect, it } from 'vitest';
import { createLog, redactText } from '../../../../server/lib/log.ts';
import type { Log, LogLevel } from '../../../../server/lib/log.ts';

const clock = {
  now: () => Date.UTC(2026, 0, 30),
  monotonic: () => 0,
  sleep: () => Promise.resolve(),
  every: () => () => undefined,
};

function capture(level: LogLevel = 'trace'): { log: Log; lines: Record<string, unknown>[]; text: () => string } {
  const written: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    written.push(line);
    lines.push(JSON.parse(line) as Record<string, unknown>);
  };
  return { log: createLog({ level, write, clock }), lines, text: () => written.join('') };
}

it('writes one JSON object per line with level, time, message and fields', () => {
  const { log, lines } = capture();
  log.warn('slow upstream', { upstream: 'ghcr.io', waitedMs: 2500 });
  expect(lines).toEqual([
    { level: 'warn', time: '2026-01-30T00:00:00.000Z', upstream: 'ghcr.io', waitedMs: 2500, message: 'slow upstream' },
  ]);
});

it('leaves out what is below its level', () => {
  const { log, lines } = capture('warn');
  log.trace('a');
  log.debug('b');
  log.info('c');
  log.warn('d');
  log.error('e');
  expect(lines.map((line) => line['message'])).toEqual(['d', 'e']);
});

it('puts the fields of a child on each of its lines', () => {
  const { log, lines } = capture();
  log.child({ requestId: 'r1', token: 'hunter2' }).info('served', { bytes: 5 });
  expect(lines[0]).toMatchObject({ requestId: 'r1', bytes: 5, token: '[hidden]' });
});

it('writes no secret, whatever carries it', () => {
  const { log, lines, text } = capture();
  log.info('asking https://ann:hunter2@registry.test/v2/ with Bearer hunter2.abc', {
    accounts: [{ username: 'ann', password: 'hunter2', registryToken: 'hunter2' }],
    headers: { Authorization: 'Basic hunter2', 'Set-Cookie': 'hunter2', accept: '*/*' },
    proxy: 'http://ann:hunter2@proxy.test:3128',
    location: 'https://blobs.test/x?X-Amz-Signature=hunter2&sig=hunter2&part=1',
    url: new URL('https://ann:hunter2@a.test/'),
    error: new Error('refused Authorization: Bearer hunter2', { cause: { access_token: 'hunter2' } }),
    content: Buffer.from('hunter2'),
    nested: new Map([['password', { secret: 'hunter2' }]]),
  });
  expect(lines).toHaveLength(1);
  expect(text()).not.toContain('hunter2');
  expect(lines[0]).toMatchObject({
    message: 'asking https://[hidden]@registry.test/v2/ with Bearer [hidden]',
    accounts: [{ username: 'ann', password: '[hidden]' }],
    headers: { accept: '*/*' },
    location: 'https://blobs.test/x?X-Amz-Signature=[hidden]&sig=[hidden]&part=1',
  });
});

it('gives only bugs a stack', () => {
  const { log, lines } = capture();
  log.error('expected', { error: Object.assign(new Error('gone'), { code: 'UPSTREAM_UNREACHABLE' }) });
  log.error('bug', { error: new TypeError('x is undefined') });
  log.error('also a bug', { error: Object.assign(new Error('oh'), { code: 'INTERNAL' }) });
  expect(lines.map((line) => Object.keys(line['error'] as object).includes('stack'))).toEqual([false, true, true]);
  expect(lines[0]?.['error']).toEqual({ name: 'Error', code: 'UPSTREAM_UNREACHABLE', message: 'gone' });
});

it('survives what cannot be written as JSON', () => {
  const { log, lines } = capture();
  const loop: Record<string, unknown> = { size: 5n };
  loop['self'] = loop;
  log.info('odd', loop);
  expect(lines[0]).toMatchObject({ size: '5', message: 'odd' });
});

it('leaves ordinary text as it is', () => {
  const text = 'docker pull mirror.test:5050/ghcr.io/a/b@sha256:0123 (see https://a.test/x?n=5&last=b)';
  expect(redactText(text)).toBe(text);
});
