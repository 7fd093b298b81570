import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../support/fake-clock.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import type { FakeUpstream, FakeUpstreamOptions } from '../../support/fake-upstream/upstream.ts';
import type { Seen } from '../../support/ask.ts';
import { artifact, image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import type { TempMirror } from '../../support/temp-mirror.ts';

const app = image();
const sbom = artifact({
  type: 'application/vnd.example.sbom',
  subject: app,
  layers: ['sbom'],
  annotations: { 'com.example.note': 'ü' },
});
const signature = artifact({ type: 'application/vnd.example.signature', subject: app, layers: ['signature'] });
const late = artifact({ type: 'application/vnd.example.late', subject: app, layers: ['late'] });
const tags = Array.from({ length: 25 }, (_, i) => `v${String(i).padStart(2, '0')}`);
const list = '/v2/acme/app/tags/list';
const referrers = `/v2/acme/app/referrers/${app.digest}`;

interface Stage {
  readonly upstream: FakeUpstream;
  readonly mirror: TempMirror;
  readonly clock: FakeClock;
}

async function start(options: FakeUpstreamOptions = {}): Promise<Stage> {
  const clock = new FakeClock();
  const upstream = await startFakeUpstream(options);
  upstream.add('acme/app', tags, app);
  for (const graph of [sbom, signature]) upstream.add('acme/app', undefined, graph);
  return { upstream, clock, mirror: await startTempMirror({ upstream, clock, upstreamSettings: { maxRetries: 0 } }) };
}

const json = (answer: Seen): Record<string, unknown> => JSON.parse(answer.body.toString()) as Record<string, unknown>;
const digestsOf = (answer: Seen): string[] =>
  (json(answer)['manifests'] as { digest: string }[]).map(({ digest }) => digest).sort();

describe('tags', () => {
  test('are all of the upstream, page after page, and the ones held here', async () => {
    const { upstream, mirror } = await start({ pageSize: 10 });
    await mirror.pull('acme/app:v03');
    upstream.deleteTag('acme/app', 'v03');
    const answer = await mirror.get(list);
    expect([answer.status, json(answer)]).toEqual([200, { name: 'acme/app', tags }]);
    expect(upstream.count({ kind: 'tags' })).toBe(3);
  });

  test('come in pages of the size asked for, linked by Link to the last', async () => {
    const { upstream, mirror } = await start();
    const seen: unknown[] = [];
    let next: string | undefined = `${list}?n=10`;
    while (next !== undefined) {
      const answer: Seen = await mirror.get(next);
      seen.push(json(answer)['tags']);
      next = /^<(.+)>; rel="next"$/.exec(String(answer.headers['link'] ?? ''))?.[1];
    }
    expect(seen).toEqual([tags.slice(0, 10), tags.slice(10, 20), tags.slice(20)]);
    expect(json(await mirror.get(`${list}?last=v22`))['tags']).toEqual(['v23', 'v24']);
    expect(json(await mirror.get(`${list}?n=0`))['tags']).toEqual([]);
    expect(upstream.count({ kind: 'tags' })).toBe(1);
  });

  test('are served as last seen, marked, while the upstream fails', async () => {
    const { upstream, mirror, clock } = await start();
    await mirror.get(list);
    await clock.advance(6 * 60_000);
    await upstream.stop();
    const answer = await mirror.get(list);
    expect([answer.status, json(answer)['tags'], answer.headers.warning]).toEqual([
      200,
      tags,
      expect.stringMatching(/^110 /),
    ]);
  });

  test('of a repository the upstream does not have are a 404', async () => {
    const { mirror } = await start();
    expect((await mirror.get('/v2/acme/none/tags/list')).status).toBe(404);
  });
});

describe.each(['api', 'tag'] as const)('referrers of an upstream with the %s', (kind) => {
  test('are listed with types and annotations, can be filtered, and are asked for once', async () => {
    const { upstream, mirror } = await start({ referrers: kind });
    const answer = await mirror.get(referrers);
    expect([answer.status, answer.headers['content-type'], digestsOf(answer)]).toEqual([
      200,
      'application/vnd.oci.image.index.v1+json',
      [sbom.digest, signature.digest].sort(),
    ]);
    const asked = upstream.count();
    const filtered = await mirror.get(
      `${referrers}?artifactType=${encodeURIComponent('application/vnd.example.sbom')}`,
    );
    expect([digestsOf(filtered), filtered.headers['oci-filters-applied']]).toEqual([[sbom.digest], 'artifactType']);
    expect(upstream.count()).toBe(asked);
  });

  test('merge what the upstream says with what is held here, and survive the upstream', async () => {
    const { upstream, mirror, clock } = await start({ referrers: kind });
    await mirror.get(referrers);
    upstream.add('acme/app', undefined, late);
    await mirror.pull(`acme/app@${late.digest}`);
    const three = [sbom.digest, signature.digest, late.digest].sort();
    expect(digestsOf(await mirror.get(referrers))).toEqual(three);
    await clock.advance(6 * 60_000);
    await upstream.stop();
    const answer = await mirror.get(referrers);
    expect([answer.status, digestsOf(answer), answer.headers.warning]).toEqual([
      200,
      three,
      expect.stringMatching(/^110 /),
    ]);
  });
});

describe('referrers', () => {
  test('of an upstream that has neither API nor tag are an empty index', async () => {
    const { mirror } = await start({ referrers: 'none' });
    const answer = await mirror.get(referrers);
    expect([answer.status, digestsOf(answer)]).toEqual([200, []]);
  });

  test('that nobody can tell are an error, not an empty list: nobody is told "unsigned" because of an outage', async () => {
    const { upstream, mirror } = await start();
    await mirror.pull('acme/app:v00');
    await upstream.stop();
    expect((await mirror.get(referrers)).status).toBe(503);
  });
});
