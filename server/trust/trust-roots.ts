import { createPublicKey } from 'node:crypto';
import { openKeyless } from './keyless.ts';
import type { IsTrustedIdentity, Keyless } from './keyless.ts';
import { openTrustStore } from './trust-store.ts';
import type { TrustStore, TrustStoreLevel } from './trust-store.ts';
import type { TrustedKey } from './public-key.ts';

/** What somebody trusts, as texts that were checked when they were read. */
export interface TrustTexts {
  readonly keys: readonly { readonly name: string; readonly pem: string }[];
  /** A Sigstore `trusted_root.json`. */
  readonly trustedRoot: string | undefined;
  readonly stores: readonly {
    readonly name: string;
    readonly pem: string;
    readonly level: TrustStoreLevel;
    readonly subjects: readonly string[];
  }[];
}

/** What signatures are checked by. */
export interface TrustRoots {
  readonly keys: readonly TrustedKey[];
  readonly keyless: Keyless | undefined;
  readonly stores: readonly TrustStore[];
}

/** Whether no signature could be verified whatever it is. PURE. */
export function isTrustEmpty({ keys, keyless, stores }: TrustRoots): boolean {
  return keys.length === 0 && keyless === undefined && stores.length === 0;
}

/** Opens what is trusted; `isTrusted` tells the signers without a key apart. @throws Error when a text was not checked before */
export function openTrustRoots({ keys, trustedRoot, stores }: TrustTexts, isTrusted: IsTrustedIdentity): TrustRoots {
  return {
    keys: keys.map(({ name, pem }) => ({ name, key: createPublicKey(pem) })),
    keyless: trustedRoot === undefined ? undefined : openKeyless(trustedRoot, isTrusted),
    stores: stores.map(openTrustStore),
  };
}
