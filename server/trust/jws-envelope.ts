import type { NotationEnvelope } from './notation-envelope.ts';
import { asObject, readBase64, readObject } from './verdict.ts';

/** Reads a JWS envelope (notaryproject signature-envelope-jws.md); undefined for anything else. PURE. */
export function readJwsEnvelope(content: Buffer): NotationEnvelope | undefined {
  const { payload, protected: head, signature, header } = readObject(content) ?? {};
  if (typeof payload !== 'string' || typeof head !== 'string' || typeof signature !== 'string') return undefined;
  const parts = [payload, head, signature].flatMap((text) => readBase64(text, 'base64url') ?? []);
  const chain = readChain(asObject(header)?.['x5c']);
  const [payloadBytes, headBytes, signatureBytes] = parts;
  if (payloadBytes === undefined || headBytes === undefined || signatureBytes === undefined) return undefined;
  const headers = readObject(headBytes);
  if (typeof headers?.['alg'] !== 'string' || chain === undefined) return undefined;
  return {
    algorithm: headers['alg'],
    contentType: headers['cty'],
    scheme: headers['io.cncf.notary.signingScheme'],
    critical: listOf(headers['crit']),
    signingTime: timeOf(headers['io.cncf.notary.signingTime']),
    authenticSigningTime: timeOf(headers['io.cncf.notary.authenticSigningTime']),
    expiry: timeOf(headers['io.cncf.notary.expiry']),
    chain,
    payload: payloadBytes,
    data: Buffer.from(`${head}.${payload}`),
    signature: signatureBytes,
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function readChain(value: unknown): readonly Buffer[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const chain = (value as unknown[]).map((text) => (typeof text === 'string' ? readBase64(text) : undefined));
  return chain.every((der) => der !== undefined) ? chain : undefined;
}

/** RFC 3339; what can't be read as such is the beginning of time, so that it is no way around an expiry. */
function timeOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? 0 : at;
}
