import { describe, expect, test } from 'vitest';
import { bigImage, image, index } from '../../support/image-builder.ts';
import { pullGraph } from '../../support/pull-graph.ts';
import { registryMissing, startRegistry } from '../../support/registry.ts';

describe.skipIf(registryMissing() !== undefined)('real registry', () => {
  test('takes the builder’s graphs and gives them back byte for byte', { timeout: 30_000 }, async () => {
    const registry = await startRegistry();
    const top = index([image({ layers: ['a', ''] }), bigImage({ sizeBytes: 3_000_000 })]);
    await registry.push('acme/app', ['v1', 'latest'], top);
    const pulled = await pullGraph(registry.url, 'acme/app:latest');
    expect({ digest: pulled.digest, bytes: pulled.bytes }).toEqual({ digest: top.digest, bytes: top.bytes });
    expect([...pulled.blobs].sort()).toEqual([...top.blobs.keys()].sort());
  });

  test('the proxy in front counts pulls but no pushes, and goes down and comes back', { timeout: 30_000 }, async () => {
    const registry = await startRegistry({ proxy: true });
    const app = image({ layers: ['a'] });
    await registry.push('acme/app', 'v1', app);
    const proxy = registry.proxy!;
    expect(proxy.requests).toHaveLength(0);
    await pullGraph(registry.url, 'acme/app:v1');
    expect([
      proxy.count({ kind: 'manifest', reference: 'v1', status: 200 }),
      proxy.count({ method: 'GET', kind: 'blob' }),
    ]).toEqual([1, 2]);
    await proxy.stop();
    await expect(pullGraph(registry.url, 'acme/app:v1')).rejects.toThrow();
    await proxy.start();
    expect((await pullGraph(registry.url, 'acme/app:v1')).digest).toBe(app.digest);
  });
});
