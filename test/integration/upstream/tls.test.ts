import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { TLSSocket } from 'node:tls';
import type { PeerCertificate } from 'node:tls';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, UpstreamError } from '../../../server/errors.ts';
import { digestOf } from '../../../server/oci/digest.ts';
import { readTlsMaterial } from '../../../server/upstream/tls-material.ts';
import { rejectsWith, throwsWith } from '../../support/expect-code.ts';
import { makeAuthority } from './certificates.ts';
import type { TestAuthority } from './certificates.ts';
import { calm, clientOf, serve, tlsOf, wholeOf } from './loopback.ts';
import type { Handle, Loopback } from './loopback.ts';

const sendManifest: Handle = (_request, response) => response.writeHead(200).end('{}');
const digest = digestOf(Buffer.from('blob'));

/** The name in the certificate a client showed. */
function shownBy({ socket }: IncomingMessage): string {
  if (!(socket instanceof TLSSocket)) return 'nothing';
  const certificate: Partial<PeerCertificate> = socket.getPeerCertificate();
  return String(certificate.subject?.CN ?? 'nothing');
}

function serveTls(
  authority: TestAuthority,
  handle: Handle,
  options: { readonly name?: string; readonly asksClient?: boolean } = {},
): Promise<Loopback> {
  const { cert, key } = authority.issue(options.name ?? '127.0.0.1');
  const ca = options.asksClient === true ? { ca: readFileSync(authority.caFile, 'utf8') } : {};
  return serve(handle, { tls: { cert, key, ...ca } });
}

describe('TLS', () => {
  it('is verified: an unknown authority is unreachable and not asked again', async () => {
    const server = await serveTls(await makeAuthority(), sendManifest);
    const client = clientOf({ settings: { urls: [server.origin], maxRetries: 3 } });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
    expect(client.health().requests).toBe(1);
    expect(server.seen).toEqual([]);
  });

  it('trusts the extra authority of the upstream, or else the global one', async () => {
    const authority = await makeAuthority();
    const server = await serveTls(authority, sendManifest);
    const own = clientOf({ settings: { urls: [server.origin], tls: { ca: authority.caFile } } });
    await own.getManifest('app', '1', calm);
    const global = clientOf({ settings: { urls: [server.origin] }, globalTls: tlsOf({ ca: authority.caFile }) });
    await global.getManifest('app', '1', calm);
    expect(server.seen.length).toBe(2);
  });

  it('does not accept a certificate for another name', async () => {
    const authority = await makeAuthority();
    const server = await serveTls(authority, sendManifest, { name: 'other.test' });
    const client = clientOf({ settings: { urls: [server.origin], tls: { ca: authority.caFile } } });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
  });

  it('is not verified when verify is off, but hosts the upstream leads to still are', async () => {
    const authority = await makeAuthority();
    const elsewhere = authority.issue('127.0.0.3');
    const blobs = await serve((_request, response) => response.writeHead(200).end('blob'), {
      address: '127.0.0.3',
      tls: elsewhere,
    });
    const server = await serveTls(authority, (request, response) => {
      if (request.url?.includes('blobs') === true) response.writeHead(307, { location: `${blobs.origin}/` }).end();
      else sendManifest(request, response);
    });
    const client = clientOf({ settings: { urls: [server.origin], tls: { verify: false } } });
    await client.getManifest('app', '1', calm);
    await rejectsWith(client.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_UNREACHABLE');
    expect(blobs.seen).toEqual([]);
  });

  it('shows the client certificate to the upstream and not to hosts it leads to', async () => {
    const authority = await makeAuthority();
    const shown: string[] = [];
    const elsewhere = { ...authority.issue('127.0.0.3'), ca: readFileSync(authority.caFile, 'utf8') };
    const blobs = await serve(
      (request, response) => {
        shown.push(shownBy(request));
        response.writeHead(200).end('blob');
      },
      { address: '127.0.0.3', tls: elsewhere },
    );
    const server = await serveTls(
      authority,
      (request, response) => {
        shown.push(shownBy(request));
        response.writeHead(307, { location: `${blobs.origin}/` }).end();
      },
      { asksClient: true },
    );
    const { certFile, keyFile } = authority.issue('mirror');
    const client = clientOf({
      settings: { urls: [server.origin], tls: { ca: authority.caFile, cert: certFile, key: keyFile } },
    });
    expect(await wholeOf(await client.getBlob('app', digest, 0, calm))).toBe('blob');
    expect(shown).toEqual(['mirror', 'nothing']);
  });

  it('never goes on to plain http unless the upstream is private', async () => {
    const authority = await makeAuthority();
    const plain = await serve((_request, response) => response.writeHead(200).end('blob'));
    const server = await serveTls(authority, (_request, response) =>
      response.writeHead(307, { location: `${plain.origin}/` }).end(),
    );
    const settings = { urls: [server.origin], tls: { ca: authority.caFile } };
    const lookup = (): never => {
      throw new Error('there are no names here');
    };
    const outside = clientOf({ settings, network: { lookup, isPrivate: () => false } });
    await rejectsWith(outside.getBlob('app', digest, 0, calm), UpstreamError, 'UPSTREAM_FORBIDDEN_ADDRESS');
    expect(plain.seen).toEqual([]);
    const inside = clientOf({ settings });
    expect(await wholeOf(await inside.getBlob('app', digest, 0, calm))).toBe('blob');
  });

  it('never fetches a token over plain http for an upstream with TLS', async () => {
    const authority = await makeAuthority();
    const tokens = await serve(sendManifest);
    const server = await serveTls(authority, (_request, response) => {
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${tokens.origin}/"` }).end();
    });
    const client = clientOf({ settings: { urls: [server.origin], tls: { ca: authority.caFile } } });
    await rejectsWith(client.getManifest('app', '1', calm), UpstreamError, 'UPSTREAM_INVALID');
    expect(tokens.seen).toEqual([]);
  });
});

describe('certificate files', () => {
  it('are read from a folder as Docker lays it out', async () => {
    const authority = await makeAuthority();
    const folder = join(authority.directory, 'certs.d');
    mkdirSync(folder);
    const { certFile, keyFile } = authority.issue('mirror');
    copyFileSync(authority.caFile, join(folder, 'ca.crt'));
    copyFileSync(certFile, join(folder, 'client.cert'));
    copyFileSync(keyFile, join(folder, 'client.key'));
    const subjects: string[] = [];
    const server = await serveTls(
      authority,
      (request, response) => {
        subjects.push(shownBy(request));
        sendManifest(request, response);
      },
      { asksClient: true },
    );
    await clientOf({ settings: { urls: [server.origin], tls: { certDirectory: folder } } }).getManifest(
      'app',
      '1',
      calm,
    );
    expect(subjects).toEqual(['mirror']);
  });

  it('that cannot be read are all named', () => {
    const settings = tlsOf({ ca: '/nowhere/ca.pem', cert: '/nowhere/c.pem', certDirectory: '/nowhere' });
    const error = throwsWith(() => readTlsMaterial(settings, tlsOf()), ConfigError, 'CONFIG_INVALID');
    expect(error.problems.length).toBe(3);
  });

  it('that hold no certificate, or half of a pair, are refused', async () => {
    const { directory, issue } = await makeAuthority();
    const { certFile, keyFile } = issue('mirror');
    const nonsense = join(directory, 'nonsense.pem');
    writeFileSync(nonsense, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    for (const settings of [{ cert: certFile }, { key: keyFile }, { cert: nonsense, key: keyFile }]) {
      throwsWith(() => readTlsMaterial(tlsOf(settings), tlsOf()), ConfigError, 'CONFIG_INVALID');
    }
  });
});
