/** Who made a signature, as far as it was proved. */
export type Signer =
  | { readonly kind: 'key'; readonly name: string }
  /** Of a certificate that lived for minutes: who its authority saw, and which provider vouched for them. */
  | { readonly kind: 'identity'; readonly subject: string; readonly issuer: string }
  | { readonly kind: 'certificate'; readonly store: string; readonly subject: string };

/** A signature that was proved. */
export interface VerifiedSignature {
  readonly state: 'verified';
  /** At least one; several when the same key is trusted under several names. */
  readonly signers: readonly Signer[];
  /** Milliseconds since the epoch; undefined when nothing proves it. */
  readonly signedAt: number | undefined;
  /** From then on it is worth nothing any more, milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
  /** What the signer said besides, covered by the signature. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** What one signature turned out to be; `reason` is a clause for a person. */
export type Verdict = VerifiedSignature | { readonly state: 'failed'; readonly reason: string };

/** Why a signature counts for nothing. PURE. */
export function failed(reason: string): Verdict {
  return { state: 'failed', reason };
}

/** JSON of a signer, an object; undefined for anything else. PURE. */
export function readObject(bytes: Uint8Array | string): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = typeof bytes === 'string' ? bytes : new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return asObject(value);
  } catch {
    return undefined;
  }
}

/** The value, if it is a JSON object. PURE. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

/** The members that are texts. PURE. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(asObject(value) ?? {}).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

/** Decodes base64 that is written as the standards want it; what Node would skip over is refused. PURE. */
export function readBase64(text: string, encoding: 'base64' | 'base64url' = 'base64'): Buffer | undefined {
  const bytes = Buffer.from(text, encoding);
  return bytes.length > 0 && bytes.toString(encoding) === text ? bytes : undefined;
}
