import type { Bundle } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import type { SignedEntity } from '@sigstore/verify';
import { failed, readObject } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/** Whether a signer without a key is one of those somebody trusts. */
export type IsTrustedIdentity = (subject: string, issuer: string) => boolean;

/** Checks what was signed without a key, by a certificate of minutes and the log that saw it, offline. */
export interface Keyless {
  /** `artifact`: what was signed, unless the bundle carries it. PURE. */
  verify(bundle: Bundle, artifact?: Buffer): Verdict;
}

/** Why a text is no trusted root, to follow its name in a sentence; undefined when it is one. PURE. */
export function trustedRootProblem(text: string): string | undefined {
  const root = readObject(text);
  if (root === undefined) return 'is not JSON';
  try {
    const { certificateAuthorities, tlogs } = toTrustMaterial(TrustedRoot.fromJSON(root));
    if (certificateAuthorities.length === 0) return 'names no certificate authority; a trusted_root.json does';
    return tlogs.length === 0 ? 'names no transparency log; a trusted_root.json does' : undefined;
  } catch (error) {
    return `is not a trusted root that can be read (${String(error).slice(0, 200)})`;
  }
}

/**
 * Opens a trusted root (the Sigstore `trusted_root.json`). Every signature needs one proved entry of one of its logs and one proved
 * time within its certificate's life; a proof of the certificate's own log is asked for when the root names such logs.
 * @throws Error when {@link trustedRootProblem} finds one
 */
export function openKeyless(text: string, isTrusted: IsTrustedIdentity): Keyless {
  const material = toTrustMaterial(TrustedRoot.fromJSON(readObject(text)));
  const verifier = new Verifier(material, {
    tlogThreshold: 1,
    timestampThreshold: 1,
    ctlogThreshold: material.ctlogs.length === 0 ? 0 : 1,
  });
  return {
    verify: (bundle, artifact) => {
      try {
        const entity = toSignedEntity(bundle, artifact);
        const { identity } = verifier.verify(entity);
        const subject = identity?.subjectAlternativeName;
        const issuer = identity?.extensions?.issuer;
        if (subject === undefined || issuer === undefined) return failed('its certificate does not say who signed');
        if (!isTrusted(subject, issuer))
          return failed(`it was made by ${subject} (${issuer}), whom nobody here trusts`);
        return {
          state: 'verified',
          signers: [{ kind: 'identity', subject, issuer }],
          signedAt: provedTimeOf(entity),
          expiresAt: undefined,
          annotations: {},
        };
      } catch (error) {
        // the library throws its own errors, and whatever its parsers stumble over
        return failed(error instanceof Error ? error.message.slice(0, 200) : 'it can’t be read');
      }
    },
  };
}

/** The earliest time that a log or a time stamp proves; milliseconds since the epoch. */
function provedTimeOf({ timestamps }: SignedEntity): number | undefined {
  const times = timestamps.flatMap((stamp) => {
    if (stamp.$case === 'timestamp-authority') return stamp.timestamp.signingTime.getTime();
    // only a promise covers the time it was taken in
    return stamp.tlogEntry.inclusionPromise === undefined ? [] : Number(stamp.tlogEntry.integratedTime) * 1000;
  });
  return times.length === 0 ? undefined : Math.min(...times);
}
