import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempDirectory } from '../support/cleanup.ts';
import { hostNamesMissing, knowsCertificates, startClient } from '../support/clients.ts';
import { clientNames } from '../support/clients/client.types.ts';
import { realIndex } from '../support/real-image.ts';
import { testAuthority } from '../support/test-authority.ts';
import type { TestAuthority, TestCertificate } from '../support/test-authority.ts';
import { frontMissing, openFront } from './front.ts';
import type { Front } from './front.ts';

const hosts = ['127.0.0.1', 'localhost', 'registry.up.test'];
const image = realIndex();

interface SecureFront extends Front {
  readonly authority: TestAuthority;
  /** The authority's certificate in a file. */
  readonly caFile: string;
  /** A certificate for a client, in files. */
  readonly issueFor: (commonName: string) => Promise<{ readonly certFile: string; readonly keyFile: string }>;
}

async function openSecureFront(options: { readonly mutual?: boolean } = {}): Promise<SecureFront> {
  const directory = await tempDirectory();
  const authority = testAuthority();
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, text);
    return path;
  };
  const writePair = async (name: string, { cert, key }: TestCertificate) => ({
    certFile: await write(`${name}.cert`, cert),
    keyFile: await write(`${name}.key`, key),
  });
  const caFile = await write('ca.pem', authority.ca);
  const { certFile, keyFile } = await writePair('server', authority.issue({ hosts }));
  const front = await openFront(() => ({
    settings: { tls: { cert: certFile, key: keyFile, ...(options.mutual === true ? { clientCa: caFile } : {}) } },
    upstreamSettings: { interceptHosts: ['registry.up.test'] },
  }));
  await front.registry.push('team/app', 'v1', image);
  return {
    ...front,
    authority,
    caFile,
    issueFor: (commonName) => writePair(commonName, authority.issue({ commonName })),
  };
}

describe.each(clientNames)('%s', (name) => {
  const here = test.skipIf(frontMissing(name) !== undefined);

  here('pulls over TLS with the authority of the mirror and with no other', async () => {
    const { mirror, caFile } = await openSecureFront();
    const otherCa = join(await tempDirectory(), 'other.pem');
    await writeFile(otherCa, testAuthority('Somebody Else').ca);
    const client = await startClient(name);
    const reference = `${mirror.host}/team/app:v1`;
    await expect(client.pull(reference, { caFile: otherCa })).rejects.toThrow(/certificate/);
    expect(await client.pull(reference, { caFile })).toEqual({ digest: image.digest });
  });

  test.skipIf(frontMissing(name) !== undefined || hostNamesMissing() !== undefined)(
    'pulls by the intercepted name of the upstream without knowing of a mirror',
    async () => {
      const { mirror, caFile } = await openSecureFront();
      const client = await startClient(name);
      const reference = `registry.up.test:${new URL(mirror.url).port}/team/app:v1`;
      expect(await client.pull(reference, { caFile, hostNames: ['registry.up.test'] })).toEqual({
        digest: image.digest,
      });
      expect(await mirror.audit({ artifact: 'up.test/team/app:v1', digest: image.digest })).not.toEqual([]);
    },
  );

  here('is refused without a certificate where one is asked for', async () => {
    const { mirror, caFile, proxy } = await openSecureFront({ mutual: true });
    const client = await startClient(name);
    await expect(client.pull(`${mirror.host}/team/app:v1`, { caFile })).rejects.toThrow(/certificate|tls|EOF|reset/i);
    expect(proxy.requests).toEqual([]);
  });
});

describe.each(clientNames.filter(knowsCertificates))('%s', (name) => {
  test.skipIf(frontMissing(name) !== undefined)(
    'pulls with a certificate, whose common name is the user in the audit',
    async () => {
      const { mirror, caFile, issueFor } = await openSecureFront({ mutual: true });
      const client = await startClient(name);
      const certificate = await issueFor(`builder-with-${name}`);
      const pulled = await client.pull(`${mirror.host}/team/app:v1`, { caFile, certificate });
      expect(pulled).toEqual({ digest: image.digest });
      const lines = await mirror.audit({ upstream: 'up.test' }, 3);
      expect(new Set(lines.map(({ user }) => user))).toEqual(new Set([`builder-with-${name}`]));
    },
  );
});
