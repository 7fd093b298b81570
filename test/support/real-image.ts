import { gzipSync } from 'node:zlib';
import { linuxAmd64, linuxArm64, image, index } from './image-builder.ts';
import type { Graph, LayerInput, ManifestOptions } from './image-builder.ts';
import { bytesOf, contentDigest, randomContent } from './content.ts';
import type { Content } from './content.ts';
import { storedGzip } from './stored-gzip.ts';
import { tar } from './tar.ts';
import type { TarFile } from './tar.ts';

/** Files of one layer by path, e.g. `{ 'etc/motd': 'hello' }`. */
export type LayerFiles = Readonly<Record<string, Content | string>>;

export interface RealImageOptions extends ManifestOptions {
  readonly layers?: readonly LayerFiles[];
  /** False leaves layers uncompressed. Compressed layers above 1 MiB are only wrapped in gzip, so nothing is held. */
  readonly gzip?: boolean;
}

/** An image real clients accept and unpack: layers are tar or tar+gzip, the config has their true `diff_ids`. */
export function realImage(options: RealImageOptions = {}): Graph {
  const { layers = [{ 'etc/motd': 'hello\n' }], gzip: _gzip, ...rest } = options;
  const platform = options.platform ?? linuxAmd64;
  const archives = layers.map((files) => tar(filesOf(files)));
  const config = {
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    created: '2026-03-01T10:00:00Z',
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/true'] },
    rootfs: { type: 'layers', diff_ids: archives.map((archive) => contentDigest(archive)) },
    history: archives.map((_, i) => ({ created: '2026-03-01T10:00:00Z', created_by: `layer ${String(i)}` })),
  };
  return image({
    ...rest,
    platform,
    config: JSON.stringify(config),
    layers: archives.map((archive) => layerOf(archive, options)),
  });
}

function filesOf(files: LayerFiles): TarFile[] {
  return Object.entries(files).map(([name, content]) => ({ name, content }));
}

function layerOf(archive: Content, options: RealImageOptions): LayerInput {
  const isDocker = options.docker === true;
  const base = isDocker ? 'application/vnd.docker.image.rootfs.diff.tar' : 'application/vnd.oci.image.layer.v1.tar';
  if (options.gzip === false) return { mediaType: base, content: archive };
  const content = archive.size < 1024 * 1024 ? gzipSync(bytesOf(archive)) : storedGzip(archive);
  return { mediaType: `${base}${isDocker ? '.gzip' : '+gzip'}`, content };
}

/** A real image with one layer of about `sizeBytes` incompressible bytes, never held in memory. */
export function bigRealImage(sizeBytes: number, options: ManifestOptions & { readonly seed?: string } = {}): Graph {
  const { seed = 'big', ...rest } = options;
  return realImage({ ...rest, layers: [{ 'data/random.bin': randomContent(seed, sizeBytes) }] });
}

/** An index (or Docker list) of real images for linux/amd64 and linux/arm64 that share their first layer. */
export function realIndex(options: ManifestOptions & { readonly text?: string } = {}): Graph {
  const { text = 'hello', ...rest } = options;
  const platforms = [linuxAmd64, linuxArm64];
  return index(
    platforms.map((platform) =>
      realImage({
        ...rest,
        platform,
        layers: [{ 'etc/shared': `${text}\n` }, { 'etc/platform': `${text} ${platform.architecture}\n` }],
      }),
    ),
    rest,
  );
}
