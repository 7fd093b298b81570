import type { PolicyFacts, ProvedSigner, RuleOutcome } from './evaluate.ts';
import { compileGlob } from './globs.ts';
import type { PolicyDocument } from './schema.ts';
import type { SignatureRequirement, SignerIdentity } from './trust-section.ts';

const anybody: SignatureRequirement = { keys: [], identities: [], notation: [], annotations: {} };

/** Whether a signer without a key is one that the trust section or some rule names. PURE. */
export function compileTrustedIdentities(
  document: PolicyDocument | undefined,
): (subject: string, issuer: string) => boolean {
  const wanted = document?.rules.flatMap(({ require }) => detailOf(require?.signature)?.identities ?? []) ?? [];
  return compileIdentities([...(document?.trust?.identities ?? []), ...wanted]);
}

/** What a rule wants of a signature; undefined when it wants none. PURE. */
export function detailOf(signature: boolean | SignatureRequirement | undefined): SignatureRequirement | undefined {
  return typeof signature === 'object' ? signature : signature === true ? anybody : undefined;
}

/** Compiles what a rule wants of a signature; without keys, identities and stores of its own, anybody of the trust section may have signed. */
export function compileSignature(
  requirement: SignatureRequirement | undefined,
  document: PolicyDocument,
): (facts: PolicyFacts) => RuleOutcome {
  const wanted = requirement ?? anybody;
  const isMeant = compileSigners(wanted, document);
  const annotations = Object.entries(wanted.annotations);
  return ({ signature }) => {
    if (signature === undefined) return { effect: 'need', fact: 'signature' };
    if (signature.state !== 'verified') return { effect: 'deny', reason: unverified(signature) };
    const meant = signature.by.filter(({ signers }) => signers.some(isMeant));
    if (meant.length === 0)
      return { effect: 'deny', reason: `it is signed, but by nobody who is wanted here: ${signature.detail}` };
    const lacking = meant.map((one) => annotations.find(([name, value]) => one.annotations[name] !== value));
    const lacks = lacking.includes(undefined) ? undefined : lacking[0];
    if (lacks === undefined) return { effect: 'pass' };
    return { effect: 'deny', reason: `no signature on it says "${lacks[0]}" is "${lacks[1]}"` };
  };
}

/** Who signed, as a person reads it. PURE. */
export function describeSigner(signer: ProvedSigner): string {
  if (signer.kind === 'key') return `key ${signer.name}`;
  if (signer.kind === 'identity') return `${signer.subject} (${signer.issuer})`;
  return `${signer.subject} (store ${signer.store})`;
}

function unverified({
  state,
  detail,
}: {
  readonly state: 'unsigned' | 'failed' | 'not-checked';
  readonly detail: string;
}): string {
  if (state === 'unsigned') return `it is unsigned: ${detail}`;
  return state === 'failed' ? `its signature failed: ${detail}` : `its signature was not checked: ${detail}`;
}

function compileSigners(wanted: SignatureRequirement, { trust }: PolicyDocument): (signer: ProvedSigner) => boolean {
  const isOwn = wanted.keys.length + wanted.identities.length + wanted.notation.length > 0;
  const keys = new Set(isOwn ? wanted.keys : Object.keys(trust?.keys ?? {}));
  const stores = new Set(isOwn ? wanted.notation : Object.keys(trust?.notation ?? {}));
  const isIdentity = compileIdentities(isOwn ? wanted.identities : (trust?.identities ?? []));
  return (signer) => {
    if (signer.kind === 'key') return keys.has(signer.name);
    return signer.kind === 'identity' ? isIdentity(signer.subject, signer.issuer) : stores.has(signer.store);
  };
}

function compileIdentities(identities: readonly SignerIdentity[]): (subject: string, issuer: string) => boolean {
  const globs = identities.map(({ subject, issuer }) => ({
    subject: compileGlob(subject),
    issuer: compileGlob(issuer),
  }));
  return (subject, issuer) => globs.some((glob) => glob.subject(subject) && glob.issuer(issuer));
}
