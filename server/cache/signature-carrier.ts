import { RequestError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import type { Descriptor, Manifest } from '../oci/manifest.ts';
import type { StoredManifest } from '../storage/manifest-store.ts';
import { simpleSigningType, subjectOfPayload, verifyCosignSignature } from '../trust/cosign-signature.ts';
import { notationType, verifyNotationEnvelope } from '../trust/notation-envelope.ts';
import { bundleTypePrefix, isOtherAttestation, verifySigstoreBundle } from '../trust/sigstore-bundle.ts';
import type { TrustRoots } from '../trust/trust-roots.ts';
import { failed } from '../trust/verdict.ts';
import type { Verdict } from '../trust/verdict.ts';
import type { BlobSource } from './blob-source.ts';
import type { Target } from './targets.ts';

/** What a signature is checked against. */
export interface SignatureQuestion {
  readonly digest: string;
  /** The bytes of what is signed; empty where no signature found is over them. */
  readonly manifest: Buffer;
  readonly roots: TrustRoots;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A manifest that carries signatures, with all it takes to check them. */
export interface Carrier {
  readonly form: 'cosign' | 'bundle' | 'notation';
  readonly digest: Digest;
  /** What it says it signs; its upstream says so. */
  readonly claimedSubject: string | undefined;
  /** Whether it carries nothing else. */
  readonly isPure: boolean;
  /** One verdict for each signature. PURE. */
  verify(question: SignatureQuestion): Verdict[];
}

/** Opens blobs of a repository. */
export interface SignatureBlobs {
  open(target: Target, digest: Digest, signal: AbortSignal): Promise<{ readonly source: BlobSource }>;
}

interface CarrierRequest {
  readonly target: Target;
  readonly manifest: StoredManifest;
  readonly signal: AbortSignal;
}

interface Part {
  readonly layer: Descriptor;
  /** Undefined: it is too large, or missing. */
  readonly content: Buffer | undefined;
}

const cosignArtifactType = 'application/vnd.dev.cosign.artifact.sig.v1+json';
const envelopeTypes: readonly string[] = ['application/jose+json', 'application/cose'];
/** Far more than a signature has. */
const partLimitBytes = 1024 * 1024;
const partLimit = 64;

/** Whether an artifact type is one of signatures. */
export function isCarrierType(artifactType: string): boolean {
  return (
    artifactType === notationType || artifactType === cosignArtifactType || artifactType.startsWith(bundleTypePrefix)
  );
}

/**
 * Reads a manifest that carries signatures, with its blobs; undefined for any other manifest.
 * @throws UpstreamError, StorageError when a blob can't be had
 */
export async function readCarrier(blobs: SignatureBlobs, request: CarrierRequest): Promise<Carrier | undefined> {
  const manifest = parseManifest(request.manifest.content, request.manifest.mediaType);
  const form = formOf(manifest);
  if (form === undefined) return undefined;
  const layers = manifest.layers.filter((layer) => isSignature(form, layer));
  const parts: Part[] = [];
  for (const layer of layers.slice(0, partLimit)) parts.push({ layer, content: await readPart(blobs, request, layer) });
  return {
    form,
    digest: request.manifest.digest,
    claimedSubject: manifest.subject?.digest ?? parts.map(({ content }) => subjectOfPayload(content)).find(Boolean),
    isPure: layers.length === manifest.layers.length && layers.every(({ size }) => size <= partLimitBytes),
    verify: (question) => parts.flatMap((part) => verifyPart(form, part, question)),
  };
}

function formOf({ kind, layers, artifactType }: Manifest): Carrier['form'] | undefined {
  if (kind === 'index') return undefined;
  if (layers.some(({ mediaType }) => mediaType === simpleSigningType)) return 'cosign';
  if (artifactType === notationType) return 'notation';
  return layers.some((layer) => isSignature('bundle', layer)) ? 'bundle' : undefined;
}

function isSignature(form: Carrier['form'], { mediaType }: Descriptor): boolean {
  if (form === 'cosign') return mediaType === simpleSigningType;
  return form === 'notation' ? envelopeTypes.includes(mediaType) : mediaType.startsWith(bundleTypePrefix);
}

function verifyPart(form: Carrier['form'], { layer, content }: Part, question: SignatureQuestion): Verdict[] {
  const { digest, roots, now } = question;
  if (content === undefined) return [failed('it is missing or far too large')];
  if (form === 'cosign')
    return [verifyCosignSignature({ payload: content, annotations: layer.annotations ?? {} }, digest, roots)];
  if (form === 'notation') return [verifyNotationEnvelope({ mediaType: layer.mediaType, content, digest, now }, roots)];
  const verdict = verifySigstoreBundle(content, question, roots);
  return isOtherAttestation(verdict) ? [] : [verdict];
}

async function readPart(
  blobs: SignatureBlobs,
  { target, signal }: CarrierRequest,
  layer: Descriptor,
): Promise<Buffer | undefined> {
  if (layer.size > partLimitBytes) return undefined;
  let source: BlobSource;
  try {
    ({ source } = await blobs.open(target, layer.digest, signal));
  } catch (error) {
    if (error instanceof RequestError) return undefined;
    throw error;
  }
  try {
    return await readSource(source, signal);
  } finally {
    await source.close();
  }
}

async function readSource(source: BlobSource, signal: AbortSignal): Promise<Buffer | undefined> {
  if ((source.sizeBytes ?? 0) > partLimitBytes) return undefined;
  if (source.kind === 'file') return source.handle.readFile();
  const chunks: Buffer[] = [];
  let bytes = 0;
  await source.flight.follow(
    0,
    partLimitBytes + 1,
    (chunk) => {
      bytes += chunk.length;
      // its memory is used again once the download goes on
      if (bytes <= partLimitBytes) chunks.push(Buffer.from(chunk));
    },
    signal,
  );
  return bytes > partLimitBytes ? undefined : Buffer.concat(chunks);
}
