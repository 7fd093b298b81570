import { describe, expect, it } from 'vitest';
import type { UpstreamInput } from '../../../server/config/schema.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { image } from '../../support/image-builder.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { AdminClient } from './admin-client.ts';

const account = { username: 'robot', password: 'p4ssw0rd-planted' };

async function started() {
  const auth = { kind: 'basic', ...account } as const;
  const [own, other] = [await startFakeUpstream({ auth }), await startFakeUpstream({ auth })];
  for (const upstream of [own, other]) upstream.add('acme/app', 'v1', image());
  const mirror = await startTempMirror();
  const admin = new AdminClient(mirror.adminUrl);
  await admin.call('addUpstream', { body: { name: 'sec.test', urls: [own.url], accounts: [account] } });
  const pullStep = async (upstream: Omit<UpstreamInput, 'name'>) => {
    const { steps } = await admin.call('testUpstream', {
      body: { upstream: { name: 'sec.test', ...upstream }, repository: 'acme/app', reference: 'v1' },
    });
    return steps.find(({ state }) => state === 'failed')?.step ?? 'passed';
  };
  const sent = (): number => other.requests.filter(({ headers }) => headers.authorization !== undefined).length;
  return { own, other, pullStep, sent };
}

describe('a test of settings that are not saved', () => {
  it('uses the saved accounts at a URL that is saved', async () => {
    const { own, pullStep } = await started();
    expect(await pullStep({ urls: [`${own.url}/`] })).toBe('passed');
  });

  it('sends no saved account to any other URL, alone or beside a saved one', async () => {
    const { own, other, pullStep, sent } = await started();
    expect(await pullStep({ urls: [other.url] })).not.toBe('passed');
    expect(await pullStep({ urls: [other.url, own.url] })).not.toBe('passed');
    expect([other.requests.length > 0, sent()]).toEqual([true, 0]);
  });

  it('sends no saved account through another proxy, which could read it', async () => {
    const { own, other, pullStep, sent } = await started();
    await pullStep({ urls: [own.url], proxy: other.url });
    expect(sent()).toBe(0);
  });

  it('sends an account that was typed with it wherever it was told to', async () => {
    const { other, pullStep, sent } = await started();
    expect(await pullStep({ urls: [other.url], accounts: [account] })).toBe('passed');
    expect(sent()).toBeGreaterThan(0);
  });
});
