import { describe, expect, it } from 'vitest';
import { parsePasted } from '../../../../server/api/pasted-reference.ts';
import { RequestError } from '../../../../server/errors.ts';
import { formatReference } from '../../../../server/oci/reference.ts';
import { throwsWith } from '../../../support/expect-code.ts';

const addresses = ['mirror.lan:5050', '192.168.1.7:5050'];
const digest = `sha256:${'a'.repeat(64)}`;

describe('a pasted reference', () => {
  it.each([
    ['nginx', 'nginx', 'latest', undefined],
    ['ghcr.io/org/app:v1', 'ghcr.io/org/app', 'v1', undefined],
    ['GHCR.io/org/app:v1', 'ghcr.io/org/app', 'v1', undefined],
    ['  docker pull mirror.lan:5050/ghcr.io/org/app:v1 \n', 'ghcr.io/org/app', 'v1', 'mirror.lan:5050'],
    ['$ docker pull --platform linux/amd64 Mirror.LAN:5050/org/app', 'org/app', 'latest', 'Mirror.LAN:5050'],
    ['podman pull --tls-verify=false 192.168.1.7:5050/org/app:v1', 'org/app', 'v1', '192.168.1.7:5050'],
    ['localhost:5050/org/app', 'org/app', 'latest', 'localhost:5050'],
    ['[::1]:5050/org/app', 'org/app', 'latest', '[::1]:5050'],
    ['localhost:6060/org/app', 'localhost:6060/org/app', 'latest', undefined],
    ['skopeo copy docker://mirror.lan:5050/org/app:v1 dir:/tmp/x', 'org/app', 'v1', 'mirror.lan:5050'],
    ['oci://ghcr.io/org/chart', 'ghcr.io/org/chart', 'latest', undefined],
    [
      'helm pull oci://mirror.lan:5050/ghcr.io/org/chart --version 1.2.3+b4 --plain-http',
      'ghcr.io/org/chart',
      '1.2.3_b4',
      'mirror.lan:5050',
    ],
    [`"ghcr.io/org/app@${digest}"`, 'ghcr.io/org/app', digest, undefined],
    [`ghcr.io/org/app:v1@${digest}`, 'ghcr.io/org/app', digest, undefined],
  ])('%s is taken apart', (text, repository, reference, mirrorHost) => {
    const pasted = parsePasted(text, addresses);
    expect([pasted.repository, formatReference(pasted.reference), pasted.mirrorHost]).toEqual([
      repository,
      reference,
      mirrorHost,
    ]);
  });

  it('that is none is refused', () => {
    throwsWith(() => parsePasted('', addresses), RequestError, 'NAME_INVALID');
    throwsWith(() => parsePasted('Org/App', addresses), RequestError, 'NAME_INVALID');
    throwsWith(() => parsePasted('org/app:-', addresses), RequestError, 'TAG_INVALID');
    throwsWith(() => parsePasted('org/app@sha256:short', addresses), RequestError, 'DIGEST_INVALID');
  });
});
