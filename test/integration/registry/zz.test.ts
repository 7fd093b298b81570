import { expect, test } from 'vitest';
import { bytesOf, randomContent } from '../../support/content.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';

const size = 12 * 1048576;
const content = randomContent('more than the disk has', size);
const bytes = bytesOf(content);
const large = image({ layers: [{ content }] });
const path = `/v2/acme/large/blobs/${large.layers[0]!.digest}`;
test.each([
  [['', '']], [['', '', '']], [['', 'bytes=100-199']], [['', 'bytes=8000000-']], [['bytes=8000000-']], [['bytes=100-199']], [['', '', 'bytes=100-199', 'bytes=8000000-']],
])('%s', async (ranges) => {
  const upstream = await startFakeUpstream();
  upstream.add('acme/large', 'v1', large);
  const mirror = await startTempMirror({ upstream, settings: { freeSpaceFloor: '1000 TiB' } });
  const parts = await Promise.all(ranges.map((range) => mirror.get(path, range === '' ? {} : { range })));
  expect(parts.every((part) => part.broken === undefined && bytes.includes(part.body))).toBe(true);
}, 6000);
