import { decodeCbor, encodeCborString } from './cbor.ts';
import type { Cbor } from './cbor.ts';
import type { NotationEnvelope } from './notation-envelope.ts';

type CborMap = ReadonlyMap<number | string, Cbor>;

/** RFC 9053 §2, as far as notation signs with it. */
const algorithms: Readonly<Record<number, string>> = {
  [-7]: 'ES256',
  [-35]: 'ES384',
  [-36]: 'ES512',
  [-37]: 'PS256',
  [-38]: 'PS384',
  [-39]: 'PS512',
};
const header = { algorithm: 1, critical: 2, contentType: 3, chain: 33 };

/** Reads a COSE_Sign1 envelope (notaryproject signature-envelope-cose.md); undefined for anything else. PURE. */
export function readCoseEnvelope(content: Buffer): NotationEnvelope | undefined {
  try {
    return readSign1(content);
  } catch {
    // the decoder refuses what is no CBOR
    return undefined;
  }
}

function readSign1(content: Buffer): NotationEnvelope | undefined {
  const parts = decodeCbor(content);
  if (!Array.isArray(parts) || parts.length !== 4) return undefined;
  const [head, loose, payload, signature] = parts as readonly Cbor[];
  if (!Buffer.isBuffer(head) || !Buffer.isBuffer(payload) || !Buffer.isBuffer(signature)) return undefined;
  const headers = decodeCbor(head);
  if (!(headers instanceof Map) || !(loose instanceof Map)) return undefined;
  const known: CborMap = headers;
  const chain = readChain((loose as CborMap).get(header.chain));
  const algorithm = known.get(header.algorithm);
  if (typeof algorithm !== 'number' || chain === undefined) return undefined;
  const critical = known.get(header.critical);
  return {
    algorithm: algorithms[algorithm] ?? '',
    contentType: known.get(header.contentType),
    scheme: known.get('io.cncf.notary.signingScheme'),
    critical: Array.isArray(critical) ? (critical as unknown[]) : [],
    signingTime: timeOf(known.get('io.cncf.notary.signingTime')),
    authenticSigningTime: timeOf(known.get('io.cncf.notary.authenticSigningTime')),
    expiry: timeOf(known.get('io.cncf.notary.expiry')),
    chain,
    payload,
    // RFC 9052 §4.4: an array of four
    data: Buffer.concat([
      Buffer.of(0x84),
      encodeCborString('Signature1'),
      encodeCborString(head),
      encodeCborString(Buffer.alloc(0)),
      encodeCborString(payload),
    ]),
    signature,
  };
}

function readChain(value: Cbor | undefined): readonly Buffer[] | undefined {
  if (Buffer.isBuffer(value)) return [value];
  if (!Array.isArray(value)) return undefined;
  const chain = value as readonly Cbor[];
  return chain.every((der) => Buffer.isBuffer(der)) ? chain : undefined;
}

/** Seconds since the epoch; anything else is the beginning of time, so that it is no way around an expiry. */
function timeOf(value: Cbor | undefined): number | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'number' ? value * 1000 : 0;
}
