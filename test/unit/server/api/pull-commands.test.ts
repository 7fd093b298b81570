import { describe, expect, it } from 'vitest';
import { pullCommands } from '../../../../server/api/pull-commands.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const status = { addresses: ['mirror.lan:5050', '10.0.0.1:5050'], tls: true, defaultUpstream: 'ghcr.io' };
const subject = { repository: 'quay.io/org/app', digest, tag: 'v1', kind: 'image' as const };
const commands = (...options: Parameters<typeof pullCommands>): string[] =>
  pullCommands(...options).map(({ command }) => command);

describe('pull commands', () => {
  it('name the best address, by tag and by digest', () => {
    expect(commands(subject, status)).toEqual([
      'docker pull mirror.lan:5050/quay.io/org/app:v1',
      'podman pull mirror.lan:5050/quay.io/org/app:v1',
      'crictl pull mirror.lan:5050/quay.io/org/app:v1',
      `docker pull mirror.lan:5050/quay.io/org/app@${digest}`,
    ]);
    expect(commands({ ...subject, tag: undefined }, status)[0]).toBe(
      `docker pull mirror.lan:5050/quay.io/org/app@${digest}`,
    );
  });

  it('say so where the mirror speaks plain HTTP', () => {
    const plain = { ...status, tls: false };
    expect(commands(subject, plain)[1]).toBe('podman pull --tls-verify=false mirror.lan:5050/quay.io/org/app:v1');
    expect(commands({ ...subject, kind: 'chart', tag: '1.2.3_b4' }, plain)).toEqual([
      'helm pull oci://mirror.lan:5050/quay.io/org/app --version 1.2.3+b4 --plain-http',
    ]);
    expect(commands({ ...subject, kind: 'artifact' }, plain)).toEqual([
      'oras pull --plain-http mirror.lan:5050/quay.io/org/app:v1',
    ]);
  });

  it('are only given when clients accept the name: a port in its middle works for the default upstream alone', () => {
    const local = { ...subject, repository: '127.0.0.1:5001/org/app' };
    expect(commands(local, status)).toEqual([]);
    expect(commands(local, { ...status, defaultUpstream: '127.0.0.1:5001' })[0]).toBe(
      'docker pull mirror.lan:5050/org/app:v1',
    );
    expect(commands(subject, { ...status, addresses: [] })).toEqual([]);
  });
});
