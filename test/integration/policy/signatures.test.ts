import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../../support/ask.ts';
import { tempDirectory } from '../../support/cleanup.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { artifact, image, index, linuxArm64, manifest } from '../../support/image-builder.ts';
import type { Graph } from '../../support/image-builder.ts';
import { payloadOf, testSigstore } from '../../support/sigstore.ts';
import { startTempMirror } from '../../support/temp-mirror.ts';
import { upstreamName } from '../../support/test-settings.ts';
import { AdminClient } from '../api/admin-client.ts';

const release = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const repository = 'acme/app';
const sigstore = testSigstore();
const workflow = { subject: 'https://git.test/acme/app/.ci/release.yml@refs/tags/v1', issuer: 'https://token.test' };

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

function signatureOf(graph: Graph, key: KeyObject): Graph {
  const payload = payloadOf(graph.digest);
  return signatureManifest(payload, {
    'dev.cosignproject.cosign/signature': sign('sha256', payload, key).toString('base64'),
  });
}

function signatureManifest(content: Buffer, annotations: Readonly<Record<string, string>>): Graph {
  return manifest({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', content: '{}' },
    layers: [{ mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', content, annotations }],
  });
}

function tagOf({ digest }: Graph): string {
  return `${digest.replace(':', '-')}.sig`;
}

/** A mirror with files `release.pub` and `trusted_root.json` beside its policy. */
async function start(policy: string) {
  const upstream = await startFakeUpstream();
  const folder = await tempDirectory();
  const file = join(folder, 'policy.yaml');
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, name), text);
  };
  write('policy.yaml', policy);
  write('release.pub', pemOf(release.publicKey));
  write('trusted_root.json', sigstore.trustedRoot);
  const clock = new FakeClock();
  const mirror = await startTempMirror({ upstream, clock, settings: { policy: { file } } });
  const status = async (reference: string): Promise<number> =>
    (await mirror.get(`/v2/${repository}/manifests/${reference}`)).status;
  const report = async (reference: string): Promise<Record<string, unknown>> => {
    const query = `repository=${upstreamName}/${repository}&reference=${reference}`;
    const answer = await ask(`${mirror.adminUrl}/api/v1/cache/signatures?${query}`);
    return JSON.parse(answer.body.toString()) as Record<string, unknown>;
  };
  return { upstream, mirror, clock, write, status, report };
}

const byKey = 'requireSignatures: true\ntrust: { keys: { release: { file: release.pub } } }';

describe('a mirror that wants signatures', () => {
  it('asks for them once, with the image, and says who signed', async () => {
    const { upstream, status, report } = await start(byKey);
    const graph = image();
    const signature = signatureOf(graph, release.privateKey);
    upstream.add(repository, 'v1', graph);
    upstream.add(repository, tagOf(graph), signature);

    const statuses = [await status('v1'), await status('v1'), await status(graph.digest)];

    expect(statuses).toEqual([200, 200, 200]);
    expect(await report('v1')).toMatchObject({
      state: 'verified',
      detail: 'by key release',
      signatures: [{ form: 'cosign', digest: signature.digest, state: 'verified', signers: ['key release'] }],
    });
    expect(upstream.count({ kind: 'manifest', reference: tagOf(graph), method: 'GET' })).toBe(1);
    expect(upstream.count({ kind: 'referrers' })).toBe(1);
  });

  it('delivers the images of an index that is signed, and its blobs, and no others', async () => {
    const { upstream, mirror, status } = await start(byKey);
    const children = [image({ layers: ['a'] }), image({ layers: ['b'], platform: linuxArm64 })] as const;
    const graph = index([...children]);
    const stray = image({ layers: ['stray'] });
    upstream.add(repository, 'v1', graph);
    upstream.add(repository, 'stray', stray);
    upstream.add(repository, tagOf(graph), signatureOf(graph, release.privateKey));

    expect((await mirror.pull(`${repository}:v1`)).digest).toBe(graph.digest);
    expect([await status(children[1].digest), await status('stray'), await status(stray.digest)]).toEqual([
      200, 403, 403,
    ]);
  });

  it('does not call an image unsigned while its upstream can’t say', async () => {
    const { upstream, status, report } = await start(byKey);
    const graph = image();
    upstream.add(repository, 'v1', graph);
    upstream.script({ match: { reference: tagOf(graph) }, fault: { status: 403 } });

    expect([await status('v1'), (await report('v1'))['state']]).toEqual([403, 'failed']);
    expect(String((await report('v1'))['detail'])).toContain('could not be looked up');
  });

  it('delivers as soon as somebody signed and the upstream is asked again', async () => {
    const { upstream, clock, status } = await start(byKey);
    const graph = image();
    upstream.add(repository, 'v1', graph);
    const before = await status('v1');
    upstream.add(repository, tagOf(graph), signatureOf(graph, release.privateKey));
    await clock.advance(3_600_000);

    expect([before, await status('v1')]).toEqual([403, 200]);
  });

  it('follows a key file that changes, without a restart and for answers that were warm', async () => {
    const { upstream, clock, write, status } = await start(byKey);
    const graph = image();
    upstream.add(repository, 'v1', graph);
    upstream.add(repository, tagOf(graph), signatureOf(graph, release.privateKey));
    const before = [await status('v1'), await status('v1')];
    write('release.pub', pemOf(other.publicKey));
    await clock.advance(2000);
    const changed = await status('v1');
    write('release.pub', 'nonsense');
    await clock.advance(2000);
    const broken = await status('v1');
    write('release.pub', pemOf(release.publicKey));
    await clock.advance(2000);

    expect([...before, changed, broken, await status('v1')]).toEqual([200, 200, 403, 403, 200]);
  });

  it('delivers the signature of what is signed, and nothing else that calls itself one', async () => {
    const { upstream, status } = await start(byKey);
    const [signed, unsigned] = [image({ layers: ['signed'] }), image({ layers: ['unsigned'] })];
    upstream.add(repository, 'v1', signed);
    upstream.add(repository, tagOf(signed), signatureOf(signed, release.privateKey));
    upstream.add(repository, tagOf(unsigned), signatureOf(unsigned, other.privateKey));
    upstream.add(repository, 'another', signatureOf(signed, other.privateKey));

    expect([await status(tagOf(signed)), await status(tagOf(unsigned)), await status('another')]).toEqual([
      200, 403, 403,
    ]);
  });

  it('takes a signer without a key whom a rule names, in both forms, and no other', async () => {
    const { upstream, status, report } = await start(`
trust: { trustedRoot: { file: trusted_root.json } }
rules:
  - name: released
    require: { signature: { identities: [{ subject: "https://git.test/acme/*/.ci/*.yml@refs/tags/*", issuer: "https://token.test" }] } }
`);
    const [tagged, bundled, foreign] = [image({ layers: ['1'] }), image({ layers: ['2'] }), image({ layers: ['3'] })];
    const legacy = sigstore.legacy(tagged.digest, workflow);
    const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    const attach = (subject: Graph, signer: typeof workflow): Graph =>
      artifact({
        type: bundleType,
        subject,
        layers: [{ mediaType: bundleType, content: JSON.stringify(sigstore.bundle(subject.digest, signer)) }],
      });
    upstream.add(repository, 'tagged', tagged);
    upstream.add(repository, tagOf(tagged), signatureManifest(legacy.payload, legacy.annotations));
    upstream.add(repository, 'bundled', bundled);
    upstream.add(repository, undefined, attach(bundled, workflow));
    upstream.add(repository, 'foreign', foreign);
    upstream.add(repository, undefined, attach(foreign, { ...workflow, issuer: 'https://elsewhere.test' }));

    expect([await status('tagged'), await status('bundled'), await status('foreign')]).toEqual([200, 200, 403]);
    expect(await report('bundled')).toMatchObject({
      state: 'verified',
      signatures: [{ signedAt: Date.parse('2026-03-01T12:00:00Z') }],
    });
  });

  it('replays a policy over what is held, and asks no upstream for that', async () => {
    const { upstream, mirror, clock, status } = await start(byKey);
    const [signed, unsigned] = [image({ layers: ['signed'] }), image({ layers: ['unsigned'] })];
    upstream.add(repository, 'v1', signed);
    upstream.add(repository, tagOf(signed), signatureOf(signed, release.privateKey));
    upstream.add(repository, 'v2', unsigned);
    const admin = new AdminClient(mirror.adminUrl);
    await status('v1');
    await status('v2');
    for (let rows = 0; rows < 2; await clock.advance(100))
      rows = (await admin.call('searchAudit', { query: { event: 'artifact_pull' } })).rows.length;
    upstream.clearRequests();

    const { denied, allowed } = await admin.call('replayPolicy', { body: { text: byKey } });

    expect({ denied, allowed, asked: upstream.requests.length }).toEqual({ denied: 1, allowed: 1, asked: 0 });
  });

  it('says that nothing was checked where nobody is trusted, and asks nobody', async () => {
    const { upstream, status, report } = await start('');
    const graph = image();
    upstream.add(repository, 'v1', graph);

    expect([await status('v1'), (await report('v1'))['state']]).toEqual([200, 'not-checked']);
    expect(upstream.count({ kind: 'referrers' })).toBe(0);
  });
});
