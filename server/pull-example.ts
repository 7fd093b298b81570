import { existsSync } from 'node:fs';
import type { MirrorParts } from './app-parts.ts';

/** Where the mirror is reached from this machine. */
export interface ExampleDoor {
  /** `host:port`. */
  readonly address: string;
  readonly isTls: boolean;
}

/**
 * A command that works as printed on this machine: its program is there, and so is what it pulls. Without any image that
 * is known to be there it lists what is held.
 */
export function pullExample(door: ExampleDoor, parts: Pick<MirrorParts, 'upstreams' | 'tags'>): string {
  const image = exampleImage(parts);
  if (image === undefined) return `curl -sS ${baseUrl(door)}/v2/_catalog`;
  const puller = pullers.find(({ files }) => files.some((file) => existsSync(file)));
  return (puller?.command ?? curlCommand)(door, image);
}

interface Image {
  readonly repository: string;
  readonly tag: string;
}

/** Small public images, by the upstream that has them. */
const knownImages: ReadonlyMap<string, Image> = new Map([
  ['ghcr.io', { repository: 'containerd/busybox', tag: '1.36' }],
  ['docker.io', { repository: 'library/hello-world', tag: 'latest' }],
  ['quay.io', { repository: 'prometheus/busybox', tag: 'latest' }],
  ['registry.k8s.io', { repository: 'pause', tag: '3.10' }],
]);

/** A small image that the default upstream is known to have, else what is held from it. */
function exampleImage({ upstreams, tags }: Pick<MirrorParts, 'upstreams' | 'tags'>): Image | undefined {
  const { defaultName } = upstreams;
  const settings = upstreams.list().find((upstream) => upstream.settings.name === defaultName)?.settings;
  // behind a URL of its own an upstream may have anything
  const isAsked = !upstreams.isOffline && settings?.mode !== 'offline' && settings?.urls.length === 0;
  return (isAsked ? knownImages.get(defaultName) : undefined) ?? tags.anyOf(defaultName);
}

type Command = (door: ExampleDoor, image: Image) => string;

/** Clients by the files that show they are here; the first wins. Docker speaks plain HTTP with this machine alone. */
const pullers: readonly { readonly files: readonly string[]; readonly command: Command }[] = [
  {
    files: programs('skopeo'),
    command: (door, image) =>
      `skopeo copy ${door.isTls ? '' : '--src-tls-verify=false '}docker://${nameOf(door, image)} dir:/tmp/zhi-mirror-example`,
  },
  {
    files: programs('podman'),
    command: (door, image) => `podman pull ${door.isTls ? '' : '--tls-verify=false '}${nameOf(door, image)}`,
  },
  {
    files: programs('crane'),
    command: (door, image) =>
      `crane pull ${door.isTls ? '' : '--insecure '}${nameOf(door, image)} /tmp/zhi-mirror-example.tar`,
  },
];

const curlCommand: Command = (door, { repository, tag }) =>
  `curl -sSf ${baseUrl(door)}/v2/${repository}/manifests/${tag}`;

function programs(name: string): string[] {
  return ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'].map((folder) => `${folder}/${name}`);
}

function nameOf({ address }: ExampleDoor, { repository, tag }: Image): string {
  return `${address}/${repository}:${tag}`;
}

function baseUrl({ address, isTls }: ExampleDoor): string {
  return `${isTls ? 'https' : 'http'}://${address}`;
}
