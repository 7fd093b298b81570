import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../server/oci/digest.ts';
import { ask, raw } from '../../support/ask.ts';
import type { Seen } from '../../support/ask.ts';
import { contentOf } from '../../support/content.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';

const layer = 'the layer of this test, 44 bytes in one line';
const app = image({ layers: [layer] });
const manifestPath = '/v2/acme/app/manifests/v1';
const blob = app.layers[0]!.digest;
const blobPath = `/v2/acme/app/blobs/${blob}`;

describe('faults', () => {
  test('limits with Retry-After, as often as told, and counts it', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    const script = upstream.script({
      match: { kind: 'manifest', repository: 'acme/app', reference: 'v1' },
      times: 2,
      skip: 1,
      fault: { status: 429, retryAfter: 7 },
    });
    const answers: Seen[] = [];
    for (let i = 0; i < 4; i += 1) answers.push(await ask(`${upstream.url}${manifestPath}`));
    expect(answers.map((answer) => answer.status)).toEqual([200, 429, 429, 200]);
    expect(answers[1]!.headers['retry-after']).toBe('7');
    expect([script.used, upstream.count({ kind: 'manifest', status: 429 })]).toEqual([2, 2]);
  });

  test.each([500, 503])('answers %i', async (status) => {
    const upstream = await startFakeUpstream();
    upstream.script({ match: {}, fault: { status } });
    expect((await ask(`${upstream.url}/v2/`)).status).toBe(status);
  });

  test('cuts a body at the byte it is told', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'blob' }, fault: { cutAt: 7 } });
    expect(await ask(`${upstream.url}${blobPath}`)).toMatchObject({
      status: 200,
      body: Buffer.from(layer.slice(0, 7)),
      broken: 'ECONNRESET',
      headers: { 'content-length': '44' },
    });
    expect(upstream.requests.at(-1)).toMatchObject({ bytesSent: 7, completed: false });
  });

  test('sends headers and no byte of body when cut at 0', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'blob' }, fault: { cutAt: 0 } });
    expect(await ask(`${upstream.url}${blobPath}`)).toMatchObject({
      status: 200,
      body: Buffer.alloc(0),
      broken: 'ECONNRESET',
    });
  });

  test.each([0, 20, -1])('inverts one byte at %i and leaves the others', async (at) => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'blob' }, fault: { flipByteAt: at } });
    const { body } = await ask(`${upstream.url}${blobPath}`);
    const expected = Buffer.from(layer);
    const position = at < 0 ? expected.length + at : at;
    expected[position] = expected[position]! ^ 0xff;
    expect(body).toEqual(expected);
  });

  test('a wrong byte keeps its place in a Range answer', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'blob' }, fault: { flipByteAt: 20 } });
    const { body } = await ask(`${upstream.url}${blobPath}`, { headers: { range: 'bytes=19-21' } });
    expect([...body]).toEqual([layer.charCodeAt(19), layer.charCodeAt(20) ^ 0xff, layer.charCodeAt(21)]);
  });

  test('announces too much and closes, or too little and sends on', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'blob' }, times: 1, fault: { lengthOff: 6 } });
    upstream.script({ match: { kind: 'blob' }, fault: { lengthOff: -4 } });
    expect(await ask(`${upstream.url}${blobPath}`)).toMatchObject({
      headers: { 'content-length': '50' },
      body: Buffer.from(layer),
      broken: 'ECONNRESET',
    });
    const short = await raw(upstream.url, `GET ${blobPath} HTTP/1.1\r\nHost: up\r\n\r\n`);
    expect([short.includes('content-length: 40\r\n'), short.endsWith(`\r\n\r\n${layer}`)]).toEqual([true, true]);
  });

  test('sends other content under the announced length and digest', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    const other = 'x'.repeat(44);
    upstream.script({ match: { kind: 'blob' }, fault: { content: contentOf(other) } });
    expect(await ask(`${upstream.url}${blobPath}`)).toMatchObject({
      body: Buffer.from(other),
      headers: { 'docker-content-digest': blob },
    });
  });

  test('names a wrong digest, none, or no length', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    const wrong = digestOf(Buffer.from('wrong'));
    upstream.script({ match: { kind: 'manifest' }, times: 1, fault: { digest: wrong } });
    upstream.script({
      match: { kind: 'manifest' },
      times: 1,
      fault: { digest: null, headers: { 'RateLimit-Remaining': '9;w=21600' } },
    });
    upstream.script({ match: { kind: 'manifest' }, times: 1, fault: { chunked: true } });
    const [first, second, third] = [
      await ask(`${upstream.url}${manifestPath}`),
      await ask(`${upstream.url}${manifestPath}`),
      await ask(`${upstream.url}${manifestPath}`),
    ];
    expect(first.headers['docker-content-digest']).toBe(wrong);
    expect([second.headers['docker-content-digest'], second.headers['ratelimit-remaining']]).toEqual([
      undefined,
      '9;w=21600',
    ]);
    expect([third.headers['content-length'], third.headers['transfer-encoding'], third.body]).toEqual([
      undefined,
      'chunked',
      app.bytes,
    ]);
  });

  test.each(['at-once', 'after-headers'] as const)('breaks the connection %s', async (reset) => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'blob' }, fault: { reset } });
    const outcome = await ask(`${upstream.url}${blobPath}`).catch((error: unknown) => ({
      broken: (error as NodeJS.ErrnoException).code,
      body: Buffer.alloc(0),
    }));
    expect(outcome).toMatchObject({ broken: 'ECONNRESET', body: Buffer.alloc(0) });
  });

  test('holds the headers until the test lets them go', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    const gate = Promise.withResolvers<undefined>();
    upstream.script({ match: { kind: 'manifest' }, fault: { delay: gate.promise } });
    const answer = ask(`${upstream.url}${manifestPath}`);
    await upstream.received({ kind: 'manifest' });
    expect(upstream.requests[0]!.status).toBeUndefined();
    gate.resolve(undefined);
    expect((await answer).status).toBe(200);
  });

  test('holds a body in the middle and knows how many downloads run', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    const gate = Promise.withResolvers<undefined>();
    upstream.script({ match: { kind: 'blob' }, fault: { hold: { at: 10, until: gate.promise } } });
    const answers = [ask(`${upstream.url}${blobPath}`), ask(`${upstream.url}${blobPath}`)];
    await upstream.received({ kind: 'blob' }, 2);
    await expect.poll(() => upstream.requests.map((request) => request.bytesSent)).toEqual([10, 10]);
    expect(upstream.downloads(blob)).toEqual({ now: 2, peak: 2 });
    gate.resolve(undefined);
    expect((await Promise.all(answers)).map(({ body }) => body.toString())).toEqual([layer, layer]);
    await expect.poll(() => upstream.downloads(blob)).toEqual({ now: 0, peak: 2 });
    expect(upstream.bytesSent({ kind: 'blob' })).toBe(88);
  });

  test('hangs for ever, and stop ends it', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'manifest' }, fault: { delay: 'forever' } });
    upstream.script({ match: { kind: 'blob' }, fault: { hold: { at: 3 } } });
    const outcomes = Promise.allSettled([ask(`${upstream.url}${manifestPath}`), ask(`${upstream.url}${blobPath}`)]);
    await upstream.received({}, 2);
    await expect.poll(() => upstream.bytesSent()).toBe(3);
    await upstream.stop();
    const [headers, body] = await outcomes;
    expect(headers.status).toBe('rejected');
    expect(body).toMatchObject({ value: { broken: 'ECONNRESET', body: Buffer.from(layer.slice(0, 3)) } });
  });

  test('sends a paced body in many small pieces, whole', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    upstream.script({ match: { kind: 'blob' }, fault: { bytesPerSecond: 2000 } });
    expect((await ask(`${upstream.url}${blobPath}`)).body.toString()).toBe(layer);
  });

  test('moves a tag between HEAD and GET', async () => {
    const upstream = await startFakeUpstream();
    const moved = image({ layers: ['moved'] });
    upstream.add('acme/app', 'v1', app);
    upstream.moveTagAfterHead('acme/app', 'v1', moved);
    const head = await ask(`${upstream.url}${manifestPath}`, { method: 'HEAD' });
    const get = await ask(`${upstream.url}${manifestPath}`);
    expect([head.headers['docker-content-digest'], get.headers['docker-content-digest']]).toEqual([
      app.digest,
      moved.digest,
    ]);
    upstream.deleteTag('acme/app', 'v1');
    expect((await ask(`${upstream.url}${manifestPath}`)).status).toBe(404);
  });

  test('refuses connections while stopped and comes back on the same port', async () => {
    const upstream = await startFakeUpstream();
    upstream.add('acme/app', 'v1', app);
    const { url } = upstream;
    await upstream.stop();
    await expect(ask(`${url}${manifestPath}`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await upstream.restart();
    expect(upstream.url).toBe(url);
    expect((await ask(`${url}${manifestPath}`)).status).toBe(200);
  });
});
