import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { takeRawBody } from '../../../server/http/raw-body.ts';
import type { RawBody } from '../../../server/http/raw-body.ts';
import { BlockPool } from '../../../server/lib/blocks.ts';
import { atTestEnd } from '../../support/cleanup.ts';
import { bytesOf, randomContent } from '../../support/content.ts';
import { Registry, codes, digestOf } from '../protocol/client.ts';

const registry = new Registry();

function contentOf(seed: string, sizeBytes: number): Buffer {
  return bytesOf(randomContent(seed, sizeBytes));
}

/** Sends bytes over one connection and collects everything that comes back until `answers` status lines are there. */
async function talk(port: number, sent: readonly Buffer[], answers: number): Promise<readonly string[]> {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  for (const piece of sent) socket.write(piece);
  const statuses = (): string[] => [...heard.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status ?? '');
  for await (const piece of socket as AsyncIterable<Buffer>) {
    heard += piece.toString('latin1');
    if (statuses().length >= answers) break;
  }
  return statuses();
}

/** A server that takes over the body of every request; `use` reads it, the answer is 200. */
async function rawServer(use: (raw: RawBody | undefined) => Promise<void>): Promise<number> {
  const read = async (incoming: IncomingMessage): Promise<void> => {
    await nextTurn();
    const head: Buffer[] = [];
    for (let piece: unknown = incoming.read(); piece instanceof Buffer; piece = incoming.read()) head.push(piece);
    const leftBytes = Number(incoming.headers['content-length']) - Buffer.concat(head).length;
    await use(takeRawBody(incoming, { pool: new BlockPool(65_536, 2), leftBytes, head, silenceMs: 10_000 }));
  };
  const server = createServer((incoming, response) => {
    void read(incoming).then(() => response.end());
  }).listen(0, '127.0.0.1');
  atTestEnd(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function putOf(body: Buffer): readonly Buffer[] {
  return [Buffer.from(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${String(body.length)}\r\n\r\n`), body];
}

test('large bodies are read past the parser on plain connections, and the parser goes on after them', async () => {
  const seen: { readonly isRaw: boolean; readonly bytes: Buffer }[] = [];
  const port = await rawServer(async (raw) => {
    const parts: Buffer[] = [];
    for (let block = await raw?.next(); block !== undefined; block = await raw?.next()) {
      parts.push(Buffer.from(block.bytes));
      block.lease.release();
    }
    seen.push({ isRaw: raw !== undefined, bytes: Buffer.concat(parts) });
  });
  const bodies = [contentOf('first', 3_000_001), contentOf('second', 500_000), contentOf('third', 65_536 * 8)];
  expect(await talk(port, bodies.flatMap(putOf), 3)).toEqual(['200', '200', '200']);
  expect(seen.map(({ isRaw, bytes }, index) => [isRaw, bytes.equals(bodies[index]!)])).toEqual(
    bodies.map(() => [true, true]),
  );
});

test('a large body given up halfway is answered, and so is the next request on its connection', async () => {
  const isRaw: boolean[] = [];
  const port = await rawServer(async (raw) => {
    isRaw.push(raw !== undefined);
    (await raw?.next())?.lease.release();
    raw?.stop();
  });
  const bodies = [contentOf('given up', 3_000_000), contentOf('after it', 3_000_000)];
  expect(await talk(port, bodies.flatMap(putOf), 2)).toEqual(['200', '200']);
  expect(isRaw).toEqual([true, false]);
});

test('many large uploads follow each other on one connection, among small ones and refused ones', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  atTestEnd(() => {
    agent.destroy();
    return Promise.resolve();
  });
  const put = async (target: string, bytes: Buffer): Promise<number> => {
    const outgoing = request(registry.mirror.url + target, { method: 'PUT', agent });
    outgoing.end(bytes);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    return response.statusCode ?? 0;
  };
  const statuses: number[] = [];
  for (const [index, size] of [1_500_000, 10, 300_000, 2_000_000, 262_144].entries()) {
    const bytes = contentOf(`one connection ${String(index)}`, size);
    const digest = digestOf(bytes);
    statuses.push(await put(`${await registry.begin('team/app')}?digest=${digestOf('else')}`, bytes));
    statuses.push(await put(`${await registry.begin('team/app')}?digest=${digest}`, bytes));
    expect((await registry.mirror.get(`/v2/team/app/blobs/${digest}`)).body.equals(bytes)).toBe(true);
  }
  expect(statuses).toEqual([400, 201, 400, 201, 400, 201, 400, 201, 400, 201]);
});

test('a monolithic PUT whose connection breaks acknowledges nothing, and the client goes on where it broke', async () => {
  const bytes = contentOf('broken put', 5_000_000);
  const digest = digestOf(bytes);
  const location = await registry.begin('team/app');
  const offset = async (): Promise<number> => {
    const { headers } = await registry.send('GET', location);
    return Number(headers.range!.split('-')[1]) + 1;
  };
  const when = async (): Promise<void> => {
    while ((await offset()) < 1_000_000);
  };
  const broken = { after: 3_000_000, when };
  await expect(registry.send('PUT', `${location}?digest=${digest}`, { body: bytes, broken })).rejects.toThrow('broken');
  expect((await registry.mirror.head(`/v2/team/app/blobs/${digest}`)).status).toBe(404);
  const early = await registry.send('PUT', `${location}?digest=${digest}`, {
    body: 'x',
    headers: { 'content-range': '4999999-4999999' },
  });
  expect([early.status, codes(early)]).toEqual([416, ['RANGE_INVALID']]);
  const from = await offset();
  const rest = await registry.send('PUT', `${location}?digest=${digest}`, {
    body: bytes.subarray(from),
    headers: { 'content-range': `${String(from)}-${String(bytes.length - 1)}` },
  });
  expect(rest.status).toBe(201);
  expect((await registry.mirror.get(`/v2/team/app/blobs/${digest}`)).body.equals(bytes)).toBe(true);
});
