import { MirrorError, RequestError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import { SingleFlight } from '../lib/concurrency.ts';
import { isDigest } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import type { PresenceFact, SignatureFact } from '../policy/evaluate.ts';
import { describeSigner } from '../policy/signature-rule.ts';
import { signatureTagOf } from '../trust/cosign-signature.ts';
import { isTrustEmpty } from '../trust/trust-roots.ts';
import type { TrustRoots } from '../trust/trust-roots.ts';
import type { Verdict, VerifiedSignature } from '../trust/verdict.ts';
import type { DiscoveryCache } from './discovery-cache.ts';
import type { ManifestCache } from './manifest-cache.ts';
import { isCarrierType, readCarrier } from './signature-carrier.ts';
import type { Carrier, SignatureBlobs } from './signature-carrier.ts';
import type { Target } from './targets.ts';

/** Who is trusted now. */
export interface Trusted {
  /** Changes whenever somebody else is. */
  readonly version: string;
  readonly roots: TrustRoots;
}

export interface SignaturesParts {
  readonly manifests: Pick<ManifestCache, 'get'>;
  readonly discovery: Pick<DiscoveryCache, 'listReferrers'>;
  readonly blobs: SignatureBlobs;
  readonly trusted: () => Trusted;
  readonly clock: Clock;
}

/** One signature that was found, and what it turned out to be. */
export interface FoundSignature {
  readonly form: Carrier['form'];
  /** Digest of the manifest that carries it. */
  readonly digest: string;
  readonly verdict: Verdict;
}

/** All that is known of a digest's signatures. */
export interface SignatureReport {
  readonly state: SignatureFact['state'];
  /** One clause for a person. */
  readonly detail: string;
  readonly signatures: readonly FoundSignature[];
  /** Milliseconds since the epoch. */
  readonly checkedAt: number;
}

interface Lookup {
  readonly target: Target;
  readonly digest: Digest;
  readonly roots: TrustRoots;
  readonly signal: AbortSignal;
}

interface Found {
  readonly carriers: readonly Carrier[];
  /** Why not everything could be looked up. */
  readonly trouble: string | undefined;
}

const lookupLimitMs = 30_000;
const rememberedReports = 4096;
/** Referrers that may carry signatures are looked at up to this many. */
const carrierLimit = 32;

/**
 * Finds the signatures of what is pulled and has them checked. They come through the caches, so they are fetched with the image,
 * kept with it and read again while its upstream is down. What could not be looked up has failed: it is never "unsigned".
 */
export class Signatures {
  readonly #parts: SignaturesParts;
  readonly #flights = new SingleFlight<string, SignatureReport>();
  /** Verified ones, until they expire or somebody else is trusted. */
  readonly #verified = new Map<
    string,
    { readonly version: string; readonly until: number; readonly report: SignatureReport }
  >();

  constructor(parts: SignaturesParts) {
    this.#parts = parts;
  }

  /** What the policy is told of a digest's signatures; a signature counts as signed when what it signs is. */
  async factOf(target: Target, digest: string): Promise<SignatureFact> {
    const report = await this.reportOf(target, digest);
    const isOpen = report.state === 'unsigned' || report.state === 'failed';
    const proved = isOpen ? ((await this.#subjectOf(target, digest)) ?? report) : report;
    if (proved.state !== 'verified') return { state: proved.state, detail: proved.detail };
    const by = verifiedOf(proved).map(({ signers, annotations }) => ({ signers, annotations }));
    return { state: 'verified', detail: proved.detail, by };
  }

  /** Whether a digest carries a signature at all, proved or not; what is a signature itself counts as signed. */
  async presenceOf(target: Target, digest: string): Promise<PresenceFact> {
    if (!isDigest(digest)) return { state: 'failed', detail: `${digest} is not a digest` };
    const signal = AbortSignal.timeout(lookupLimitMs);
    const [tagged, attached] = await Promise.all([
      this.#tagged({ target, digest, signal }),
      this.#hasAttached(target, digest),
    ]);
    if (tagged.carriers.length > 0 || attached === true) return { state: 'signed', detail: 'it is signed' };
    const trouble = tagged.trouble ?? (typeof attached === 'string' ? attached : undefined);
    if (trouble !== undefined) return { state: 'failed', detail: `it could not be looked up: ${trouble}` };
    const { manifest } = await this.#parts.manifests.get(target, { kind: 'digest', digest }, signal);
    const { artifactType } = parseManifest(manifest.content, manifest.mediaType);
    const isCarrier = artifactType !== undefined && isCarrierType(artifactType);
    return isCarrier || (await readCarrier(this.#parts.blobs, { target, manifest, signal })) !== undefined
      ? { state: 'signed', detail: 'it is a signature' }
      : { state: 'unsigned', detail: 'no signature was found' };
  }

  /** Whether something of a signature's type refers to the digest; why that can't be said. */
  async #hasAttached(target: Target, digest: Digest): Promise<boolean | string> {
    try {
      const { referrers } = await this.#parts.discovery.listReferrers(target, digest);
      return referrers.some(({ artifactType }) => artifactType !== undefined && isCarrierType(artifactType));
    } catch (error) {
      return troubleOf(error) ?? false;
    }
  }

  /** Every signature of a digest with its verdict. */
  async reportOf(target: Target, digest: string): Promise<SignatureReport> {
    const { version, roots } = this.#parts.trusted();
    if (isTrustEmpty(roots))
      return this.#report('not-checked', 'the policy trusts no key, identity or trust store', []);
    if (!isDigest(digest)) return this.#report('failed', `${digest} is not a digest`, []);
    const key = `${target.name}@${digest}`;
    const known = this.#verified.get(key);
    if (known?.version === version && known.until > this.#parts.clock.now()) return known.report;
    return this.#flights.run(`${key} ${version}`, async () => {
      const report = await this.#check({ target, digest, roots, signal: AbortSignal.timeout(lookupLimitMs) });
      if (report.state === 'verified') this.#remember(key, version, report);
      return report;
    });
  }

  /** The report of what a manifest signs, if it is a signature that was proved; nothing else may ride on another's signature. */
  async #subjectOf(target: Target, digest: string): Promise<SignatureReport | undefined> {
    const { roots } = this.#parts.trusted();
    if (!isDigest(digest)) return undefined;
    const signal = AbortSignal.timeout(lookupLimitMs);
    const { manifest } = await this.#parts.manifests.get(target, { kind: 'digest', digest }, signal);
    const carrier = await readCarrier(this.#parts.blobs, { target, manifest, signal });
    const subject = carrier?.claimedSubject;
    if (carrier?.isPure !== true || subject === undefined || subject === digest || isTrustEmpty(roots))
      return undefined;
    const report = await this.reportOf(target, subject);
    const isProved = report.signatures.some((one) => one.digest === digest && one.verdict.state === 'verified');
    return isProved ? { ...report, detail: `it is a signature of ${subject}` } : undefined;
  }

  async #check(lookup: Lookup): Promise<SignatureReport> {
    const [tagged, attached] = await Promise.all([this.#tagged(lookup), this.#attached(lookup)]);
    const carriers = [...tagged.carriers, ...attached.carriers];
    const subject = await this.#subjectBytes(lookup, carriers);
    const signatures = carriers.flatMap((carrier) =>
      carrier
        .verify({ digest: lookup.digest, manifest: subject, roots: lookup.roots, now: this.#parts.clock.now() })
        .map((verdict): FoundSignature => ({ form: carrier.form, digest: carrier.digest, verdict })),
    );
    const verified = signatures.map(({ verdict }) => verdict).filter((verdict) => verdict.state === 'verified');
    if (verified.length > 0) return this.#report('verified', describe(verified), signatures);
    const trouble = tagged.trouble ?? attached.trouble;
    if (trouble !== undefined) return this.#report('failed', `it could not be looked up: ${trouble}`, signatures);
    const [first] = signatures;
    if (first?.verdict.state === 'failed') return this.#report('failed', first.verdict.reason, signatures);
    return this.#report('unsigned', 'no signature was found', []);
  }

  /** What stands under cosign's tag for the digest. */
  async #tagged({ target, digest, signal }: Omit<Lookup, 'roots'>): Promise<Found> {
    try {
      const reference = { kind: 'tag', tag: signatureTagOf(digest) } as const;
      const { manifest } = await this.#parts.manifests.get(target, reference, signal);
      const carrier = await readCarrier(this.#parts.blobs, { target, manifest, signal });
      return { carriers: carrier === undefined ? [] : [carrier], trouble: undefined };
    } catch (error) {
      return { carriers: [], trouble: troubleOf(error) };
    }
  }

  /** What refers to the digest and may be a signature. */
  async #attached({ target, digest, signal }: Omit<Lookup, 'roots'>): Promise<Found> {
    try {
      const { referrers, provenance } = await this.#parts.discovery.listReferrers(target, digest);
      const candidates = referrers.filter(
        ({ artifactType }) => artifactType === undefined || isCarrierType(artifactType),
      );
      const carriers: Carrier[] = [];
      for (const candidate of candidates.slice(0, carrierLimit)) {
        if (!isDigest(candidate.digest)) continue;
        const reference = { kind: 'digest', digest: candidate.digest } as const;
        const { manifest } = await this.#parts.manifests.get(target, reference, signal);
        const carrier = await readCarrier(this.#parts.blobs, { target, manifest, signal });
        if (carrier !== undefined) carriers.push(carrier);
      }
      const isMore = candidates.length > carrierLimit;
      const trouble = isMore ? `more than ${String(carrierLimit)} signatures are attached` : undefined;
      return { carriers, trouble: provenance.outcome === 'stale' ? provenance.reason : trouble };
    } catch (error) {
      return { carriers: [], trouble: troubleOf(error) };
    }
  }

  /** The bytes that a signature may be over; only some need them. */
  async #subjectBytes({ target, digest, signal }: Lookup, carriers: readonly Carrier[]): Promise<Buffer> {
    if (!carriers.some(({ form }) => form === 'bundle')) return Buffer.alloc(0);
    return (await this.#parts.manifests.get(target, { kind: 'digest', digest }, signal)).manifest.content;
  }

  #report(state: SignatureReport['state'], detail: string, signatures: readonly FoundSignature[]): SignatureReport {
    return { state, detail, signatures, checkedAt: this.#parts.clock.now() };
  }

  #remember(key: string, version: string, report: SignatureReport): void {
    const oldest = this.#verified.keys().next();
    if (this.#verified.size >= rememberedReports && oldest.done !== true) this.#verified.delete(oldest.value);
    // as soon as the first of them expires all are looked at again
    const until = Math.min(...verifiedOf(report).map(({ expiresAt }) => expiresAt ?? Number.POSITIVE_INFINITY));
    this.#verified.set(key, { version, until, report });
  }
}

function verifiedOf({ signatures }: SignatureReport): VerifiedSignature[] {
  return signatures.map(({ verdict }) => verdict).filter((verdict) => verdict.state === 'verified');
}

function describe(verified: readonly VerifiedSignature[]): string {
  const names = verified.flatMap(({ signers }) => signers.map(describeSigner));
  return `by ${[...new Set(names)].join(', ')}`;
}

/** Undefined when there simply is none. */
function troubleOf(error: unknown): string | undefined {
  if (error instanceof RequestError && (error.code === 'MANIFEST_UNKNOWN' || error.code === 'NAME_UNKNOWN'))
    return undefined;
  if (error instanceof MirrorError) return error.message;
  if (error instanceof Error && error.name === 'TimeoutError') return 'it took too long';
  throw error;
}
