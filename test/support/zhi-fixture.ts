import { indexOfBytes, linuxAmd64, linuxArm64, manifest } from './image-builder.ts';
import type { Graph } from './image-builder.ts';
import { mediaTypes } from '../../server/oci/media-types.ts';
import type { Platform } from '../../server/oci/manifest.ts';

/** What a zhi publisher pushes: repository `acme/zhi-config-x`, tag `v1.0.0` = index, tag `s1` = single. */
export interface ZhiFixture {
  readonly repository: 'acme/zhi-config-x';
  readonly index: Graph;
  readonly amd64: Graph;
  readonly arm64: Graph;
  readonly single: Graph;
}

const configJson = '{"schemaVersion":"1","name":"x","type":"config","version":"1.0.0"}';

/**
 * The plugin of the zhi client's golden requests. Its members stand in the order the client's library writes them, so
 * the digests are known from outside and prove that the builder's bytes are what they seem.
 */
export function zhiFixture(): ZhiFixture {
  const amd64 = plugin('bin-amd64', linuxAmd64);
  const arm64 = plugin('bin-arm64', linuxArm64);
  return {
    repository: 'acme/zhi-config-x',
    index: pluginIndex([amd64, arm64]),
    amd64,
    arm64,
    single: plugin('single-binary'),
  };
}

function plugin(binary: string, platform?: Platform): Graph {
  return manifest({
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: 'application/vnd.zhi.plugin.config.v1+json', content: configJson },
    layers: [{ mediaType: 'application/vnd.zhi.plugin.binary.v1', content: binary }],
    ...(platform === undefined ? {} : { platform }),
  });
}

function pluginIndex(children: readonly Graph[]): Graph {
  const manifests = children.map(({ descriptor: { mediaType, digest, size, platform } }) => ({
    mediaType,
    digest,
    size,
    // Go writes architecture before os
    platform: { architecture: platform?.architecture, os: platform?.os },
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  return indexOfBytes(bytes, mediaTypes.ociIndex, children);
}
