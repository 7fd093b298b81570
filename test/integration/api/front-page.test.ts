import { describe, expect, it } from 'vitest';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { send } from './admin-client.ts';

async function started() {
  const mirror = await startTempMirror({ upstream: await startFakeUpstream() });
  const get = (headers: Record<string, string>, method = 'GET') => send(`${mirror.url}/`, { headers, method });
  return { mirror, get };
}

describe('the address of the mirror in a browser', () => {
  it('says what it is and how to pull through the address it was opened at, without a script', async () => {
    const { mirror, get } = await started();
    const page = await get({ accept: 'text/html,application/xhtml+xml,*/*;q=0.8', host: 'mirror.office.test:5050' });
    expect([page.status, page.headers['content-type'], page.headers['content-security-policy']]).toEqual([
      200,
      'text/html; charset=utf-8',
      expect.stringMatching(/^default-src 'none'; style-src 'sha256-[\w+/=]+';/),
    ]);
    const example = mirror.app.status().pullExample.replace(mirror.host, 'mirror.office.test:5050');
    expect(page.text).toContain(example);
    expect(page.text).toContain('a mirror of container registries');
    expect(page.text).not.toMatch(/<script|javascript:| on\w+=/i);
  });

  it('repeats no Host that is none', async () => {
    const { mirror, get } = await started();
    const page = await get({ accept: 'text/html', host: 'a"><b>' });
    expect(page.text).not.toContain('<b>');
    expect(page.text).toContain(mirror.host);
  });

  it('answers HEAD, and JSON to a program that asks for it', async () => {
    const { mirror, get } = await started();
    expect((await get({}, 'HEAD')).status).toBe(200);
    const answer = await get({ accept: 'application/json', host: mirror.host });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      200,
      {
        product: 'Zhi Mirror',
        version: '0.0.0-test',
        registry: '/v2/',
        health: '/healthz',
        pullExample: mirror.app.status().pullExample,
      },
    ]);
  });

  it('leaves everything else unknown', async () => {
    const { mirror } = await started();
    expect((await send(`${mirror.url}/nowhere`)).status).toBe(404);
  });
});
