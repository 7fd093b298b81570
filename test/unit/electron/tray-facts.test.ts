import { describe, expect, it } from 'vitest';
import { fetchTrayFacts, parseTrayFacts } from '../../../electron/tray-facts.ts';
import { dashboard } from '../../../server/api/contract.ts';

const seenAt = Date.UTC(2026, 2, 1, 8, 5);

const answer = dashboard.parse({
  intervalMs: 60_000,
  series: [],
  today: { requests: 100, hitRatio: 0.94, bytesServed: 1, bytesFetched: 1, bytesSaved: 1, clients: 3, failed: 0 },
  clients: [],
  quotas: [],
  upstreams: [
    {
      name: 'docker.io',
      mode: 'check',
      health: {
        state: 'ok',
        quota: { limit: 100, remaining: 37, windowSeconds: 21_600, seenAt },
        requests: 1,
        failures: 0,
        bytesReceived: 1,
      },
    },
    { name: 'ghcr.io', mode: 'check', health: { state: 'ok', requests: 1, failures: 0, bytesReceived: 1 } },
  ],
});

const facts = {
  hitRatio: 0.94,
  quotas: [{ upstream: 'docker.io', limit: 100, remaining: 37, resetsAt: Date.UTC(2026, 2, 1, 14, 5) }],
};

describe('the figures of the tray', () => {
  it('are read from an answer that fits the contract', () => {
    expect(parseTrayFacts(answer)).toEqual(facts);
  });

  it('have no hit ratio on a day without requests', () => {
    expect(parseTrayFacts({ ...answer, today: { ...answer.today, hitRatio: null } })).toEqual({ quotas: facts.quotas });
  });

  it.each([
    undefined,
    null,
    7,
    'text',
    [],
    {},
    { today: 1, upstreams: {} },
    { upstreams: [null, { name: 'x', health: { quota: { limit: 'ten' } } }] },
  ])('are none in an answer of another shape: %j', (value) => {
    expect(parseTrayFacts(value)).toEqual({ quotas: [] });
  });

  it('are asked of the admin listener', async () => {
    const asked: string[] = [];
    const get = (url: unknown): Promise<Response> => {
      asked.push(String(url));
      return Promise.resolve(Response.json(answer));
    };
    const { signal } = new AbortController();
    expect(await fetchTrayFacts('http://127.0.0.1:5051/', signal, get)).toEqual(facts);
    expect(asked).toEqual(['http://127.0.0.1:5051/api/v1/dashboard?range=1h']);
  });

  it.each<[string, () => Promise<Response>]>([
    ['refuses', () => Promise.resolve(Response.json(answer, { status: 500 }))],
    ['is not there', () => Promise.reject(new TypeError('fetch failed'))],
    ['answers with something else', () => Promise.resolve(new Response('<html>'))],
  ])('are none when the admin listener %s', async (_, get) => {
    expect(await fetchTrayFacts('http://127.0.0.1:5051/', new AbortController().signal, get)).toEqual({ quotas: [] });
  });
});
