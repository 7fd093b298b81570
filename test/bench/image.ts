import { createCipheriv, createHash } from 'node:crypto';

/** What a registry stores under a digest. */
export interface Blob {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** An image the upstream holds. */
export interface BenchImage {
  readonly repository: string;
  readonly tag: string;
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly Blob[];
}

/** Size of every layer of the benchmark. */
export const layerBytes = 100 * 1024 * 1024;

/** Pushes an image of pseudo-random 100 MiB layers to the registry at `registryUrl`; the same bytes every time. */
export async function pushImage(registryUrl: string, repository: string, layerCount: number): Promise<BenchImage> {
  const layers: Blob[] = [];
  for (let index = 0; index < layerCount; index += 1) {
    layers.push(await pushBlob(registryUrl, repository, buildLayer(`${repository}/${index}`)));
  }
  const config = await pushBlob(registryUrl, repository, buildConfig(layers));
  const body = buildManifest(config, layers);
  const tag = '1';
  const response = await fetch(`${registryUrl}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'content-type': manifestType },
    body,
  });
  if (response.status !== 201) throw new Error(`upstream refused the manifest of ${repository}: ${response.status}`);
  return { repository, tag, manifest: describe(body), config, layers };
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** A key stream: incompressible, and quicker to make than to send. */
function buildLayer(seed: string): Buffer<ArrayBuffer> {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  return Buffer.from(cipher.update(Buffer.alloc(layerBytes)));
}

function buildConfig(layers: readonly Blob[]): Buffer<ArrayBuffer> {
  const rootfs = { type: 'layers', diff_ids: layers.map((layer) => layer.digest) };
  return Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Env: ['PATH=/bin'] }, rootfs }));
}

/** About 2 KiB, as manifests of ordinary images are. */
function buildManifest(config: Blob, layers: readonly Blob[]): Buffer<ArrayBuffer> {
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config.digest, size: config.sizeBytes },
    layers: layers.map((layer) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: layer.digest,
      size: layer.sizeBytes,
    })),
    annotations: { 'org.opencontainers.image.description': 'Pseudo-random bytes for a benchmark. '.repeat(36) },
  };
  return Buffer.from(JSON.stringify(manifest));
}

async function pushBlob(registryUrl: string, repository: string, body: Buffer<ArrayBuffer>): Promise<Blob> {
  const started = await fetch(`${registryUrl}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const location = started.headers.get('location');
  if (started.status !== 202 || location === null) throw new Error(`upstream takes no upload: ${started.status}`);
  const blob = describe(body);
  const target = new URL(location, registryUrl);
  target.searchParams.set('digest', blob.digest);
  const headers = { 'content-type': 'application/octet-stream' };
  const response = await fetch(target, { method: 'PUT', headers, body });
  if (response.status !== 201) throw new Error(`upstream refused a blob of ${repository}: ${response.status}`);
  return blob;
}

function describe(body: Buffer): Blob {
  return { digest: `sha256:${createHash('sha256').update(body).digest('hex')}`, sizeBytes: body.length };
}
