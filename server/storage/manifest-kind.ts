import { isIndexType } from '../oci/media-types.ts';

/** What a manifest is for a person. */
export type ManifestKind = 'index' | 'image' | 'artifact' | 'chart' | 'signature';

/** What decides {@link kindOf}. */
export interface KindFacts {
  readonly mediaType: string;
  /** As stored: without an `artifactType` of its own, an image manifest's is its config's media type. */
  readonly artifactType: string | undefined;
  /** Media types of its layers. */
  readonly layerTypes: readonly string[];
}

const imageConfigs: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);
const helmConfig = 'application/vnd.cncf.helm.config.v1+json';
/** cosign's bundles (OCI 1.1) and sign types, notation's signatures. */
const signatureTypes = /^application\/vnd\.(?:dev\.cosign\.|dev\.sigstore\.bundle|cncf\.notary\.signature)/;
/** cosign's older form: an image manifest under the tag `sha256-<hex>.sig` with such a layer. */
const cosignLayer = 'application/vnd.dev.cosign.simplesigning.v1+json';

/** Image, index, Helm chart, signature, or any other artifact. PURE. */
export function kindOf({ mediaType, artifactType, layerTypes }: KindFacts): ManifestKind {
  if (isIndexType(mediaType)) return 'index';
  const isSignature =
    (artifactType !== undefined && signatureTypes.test(artifactType)) || layerTypes.includes(cosignLayer);
  if (isSignature) return 'signature';
  if (artifactType === helmConfig) return 'chart';
  return artifactType === undefined || imageConfigs.has(artifactType) ? 'image' : 'artifact';
}
