import { atTestEnd } from './cleanup.ts';
import { BuildahClient, PodmanClient } from './clients/container-storage.ts';
import type { Client, ClientName } from './clients/client.types.ts';
import { ContainerdClient } from './clients/containerd.ts';
import { CraneClient } from './clients/crane.ts';
import { SkopeoClient } from './clients/skopeo.ts';
import { hasTool } from './tools.ts';

/** Why a client cannot be run here; undefined when it can. */
export function clientMissing(name: ClientName): string | undefined {
  if (process.platform !== 'linux') return `${name} is only tried on Linux`;
  for (const tool of name === 'ctr' ? ['ctr', 'containerd'] : [name]) {
    const found = hasTool(tool);
    if (!found.available) return found.reason;
  }
  return name === 'ctr' && process.getuid?.() !== 0 ? 'containerd needs root' : undefined;
}

/** Whether a client takes `mirrors`: crane has no such setting. */
export function knowsMirrors(name: ClientName): boolean {
  return name !== 'crane';
}

/** Whether a client takes `certificate`: crane has no such setting. */
export function knowsCertificates(name: ClientName): boolean {
  return name !== 'crane';
}

/** Why `hostNames` cannot be used here; undefined when they can. */
export function hostNamesMissing(): string | undefined {
  const unshare = hasTool('unshare');
  if (!unshare.available) return unshare.reason;
  return process.getuid?.() === 0 ? undefined : 'a hosts file of its own needs root';
}

const starters: Readonly<Record<ClientName, () => Promise<Client>>> = {
  skopeo: () => SkopeoClient.start(),
  podman: () => PodmanClient.start(),
  buildah: () => BuildahClient.start(),
  crane: () => CraneClient.start(),
  ctr: () => ContainerdClient.start(),
};

/** A client with a home of its own, none of the machine's settings and no credentials; stopped at the end of the test. */
export async function startClient(name: ClientName): Promise<Client> {
  const client = await starters[name]();
  atTestEnd(() => client.stop());
  return client;
}
