import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { nextFreePort, probePort } from '../../../../server/lib/ports.ts';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

function occupy(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    servers.push(server);
    server.listen({ port, host: '127.0.0.1' }, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

it('says why a port cannot be opened', async () => {
  const port = await occupy(0);
  expect(await probePort('127.0.0.1', port)).toBe('EADDRINUSE');
  expect(await probePort('192.0.2.1', 0)).toBe('EADDRNOTAVAIL');
  expect(await probePort('127.0.0.1', 0)).toBeUndefined();
});

it('finds a port above that can really be opened', async () => {
  const port = await occupy(0);
  const free = await nextFreePort('127.0.0.1', port);
  expect(free).toBeGreaterThan(port);
  expect(await occupy(free!)).toBe(free);
  const next = await nextFreePort('127.0.0.1', port);
  expect(next).toBeGreaterThan(free!);
});

it('finds none above the last port', async () => {
  expect(await nextFreePort('127.0.0.1', 65_535)).toBeUndefined();
});
