import { expect, it } from 'vitest';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from '../api/admin-client.ts';

/** The mirror's own log lines about an upstream, without what differs from run to run. */
function linesAbout(name: string, log: readonly string[]): readonly (readonly [string, string])[] {
  return log
    .map((line) => JSON.parse(line) as { level: string; message: string })
    .filter(({ message }) => message.startsWith(name))
    .map(({ level, message }) => [level, message.split(':')[0] ?? '']);
}

it('says once in its own log that an upstream keeps failing, and once that it answers again', async () => {
  const upstream = await startFakeUpstream();
  upstream.add('acme/app', 'v1', image());
  const mirror = await startTempMirror({
    upstream,
    upstreamSettings: { maxRetries: 0, breakerFailures: 2, breakerWait: '1ms', negativeTtl: '0s', ttl: '0s' },
  });
  const admin = new AdminClient(mirror.adminUrl);
  const pull = () => mirror.get('/v2/acme/app/manifests/v1');
  await pull();
  expect(linesAbout('up.test', mirror.log)).toEqual([]);
  await upstream.stop();
  await pull();
  expect(linesAbout('up.test', mirror.log)).toEqual([]);
  for (let count = 0; count < 5; count += 1) {
    await admin.call('retryUpstream', { body: { name: 'up.test' } });
    for (let again = 0; again < 3; again += 1) await pull();
  }
  const failing = ['warn', 'up.test keeps failing'] as const;
  expect(linesAbout('up.test', mirror.log)).toEqual([failing]);
  await upstream.restart();
  await admin.call('retryUpstream', { body: { name: 'up.test' } });
  for (let count = 0; count < 3; count += 1) await pull();
  expect(linesAbout('up.test', mirror.log)).toEqual([failing, ['info', 'up.test answers again']]);
});
