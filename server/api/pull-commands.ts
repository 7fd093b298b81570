import type { ManifestKind } from '../storage/manifest-kind.ts';
import type { ManifestDetail, Status } from './contract.ts';

export interface PullSubject {
  /** Name in the store. */
  readonly repository: string;
  readonly digest: string;
  /** A tag that points at it, when there is one. */
  readonly tag: string | undefined;
  readonly kind: ManifestKind;
}

type Commands = ManifestDetail['pullCommands'];

/** Commands that pull a manifest through this mirror, by the best address clients have. Empty while it has none. PURE. */
export function pullCommands(
  subject: PullSubject,
  status: Pick<Status, 'addresses' | 'tls' | 'defaultUpstream'>,
): Commands {
  const [address] = status.addresses;
  const name = clientName(subject.repository, status.defaultUpstream);
  if (address === undefined || name === undefined) return [];
  const base = `${address}/${name}`;
  const byDigest = `${base}@${subject.digest}`;
  const named = subject.tag === undefined ? byDigest : `${base}:${subject.tag}`;
  switch (subject.kind) {
    case 'index':
    case 'image':
      return imageCommands(named, byDigest, status.tls);
    case 'chart':
      return [chartCommand(base, subject, status.tls)];
    case 'artifact':
    case 'signature':
      return [{ tool: 'ORAS', command: `oras pull ${status.tls ? '' : '--plain-http '}${named}` }];
  }
}

function imageCommands(named: string, byDigest: string, isTls: boolean): Commands {
  const commands = [
    { tool: 'Docker', command: `docker pull ${named}` },
    { tool: 'Podman', command: `podman pull ${isTls ? '' : '--tls-verify=false '}${named}` },
    { tool: 'crictl', command: `crictl pull ${named}` },
  ];
  return named === byDigest ? commands : [...commands, { tool: 'By digest', command: `docker pull ${byDigest}` }];
}

function chartCommand(base: string, { tag, digest }: PullSubject, isTls: boolean): Commands[number] {
  const plain = isTls ? '' : ' --plain-http';
  const which = tag === undefined ? `oci://${base}@${digest}` : `oci://${base} --version ${tag.replaceAll('_', '+')}`;
  return { tool: 'Helm', command: `helm pull ${which}${plain}` };
}

/** The store's name works everywhere, except that clients refuse a port in the middle: then only the default upstream's short name does. */
function clientName(repository: string, defaultUpstream: string): string | undefined {
  const slash = repository.indexOf('/');
  if (!repository.slice(0, Math.max(slash, 0)).includes(':')) return repository;
  return repository.startsWith(`${defaultUpstream}/`) ? repository.slice(slash + 1) : undefined;
}
