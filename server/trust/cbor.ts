/** A decoded CBOR item. A tag is its content: what it means is known where it is used. */
export type Cbor = number | string | boolean | null | Buffer | readonly Cbor[] | ReadonlyMap<number | string, Cbor>;

const depthLimit = 16;

/** Reads one item that fills the bytes, as far as COSE needs it (RFC 8949: definite lengths, no floats). @throws RangeError */
export function decodeCbor(bytes: Buffer): Cbor {
  const reader = new Reader(bytes);
  const item = reader.item(0);
  if (reader.position !== bytes.length) throw new RangeError('there is something after the CBOR item');
  return item;
}

/** A byte or text string's head and content (RFC 8949 §3). PURE. */
export function encodeCborString(content: Buffer | string): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const major = typeof content === 'string' ? 0x60 : 0x40;
  if (bytes.length < 24) return Buffer.concat([Buffer.of(major | bytes.length), bytes]);
  const head = Buffer.alloc(5);
  if (bytes.length < 256) return Buffer.concat([Buffer.of(major | 24, bytes.length), bytes]);
  if (bytes.length < 65_536)
    return Buffer.concat([Buffer.of(major | 25, bytes.length >> 8, bytes.length & 255), bytes]);
  head[0] = major | 26;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

class Reader {
  readonly #bytes: Buffer;
  position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  item(depth: number): Cbor {
    if (depth > depthLimit) throw new RangeError('CBOR is nested too deeply');
    const first = this.#take(1)[0] ?? 0;
    const major = first >> 5;
    const low = first & 31;
    if (major === 7) return simple(low);
    const argument = this.#argument(low);
    switch (major) {
      case 0:
        return argument;
      case 1:
        return -1 - argument;
      case 2:
        return this.#take(argument);
      case 3:
        return new TextDecoder('utf-8', { fatal: true }).decode(this.#take(argument));
      case 4:
        return this.#list(argument, depth);
      case 5:
        return this.#map(argument, depth);
      default:
        return this.item(depth + 1);
    }
  }

  #list(length: number, depth: number): readonly Cbor[] {
    const items: Cbor[] = [];
    for (let index = 0; index < length; index += 1) items.push(this.item(depth + 1));
    return items;
  }

  #map(length: number, depth: number): ReadonlyMap<number | string, Cbor> {
    const map = new Map<number | string, Cbor>();
    for (let index = 0; index < length; index += 1) {
      const key = this.item(depth + 1);
      if ((typeof key !== 'number' && typeof key !== 'string') || map.has(key))
        throw new RangeError('a CBOR map has a key that is repeated or no name');
      map.set(key, this.item(depth + 1));
    }
    return map;
  }

  #argument(low: number): number {
    if (low < 24) return low;
    if (low > 27) throw new RangeError('CBOR of indefinite length is not read');
    const bytes = this.#take(2 ** (low - 24));
    const value = bytes.length === 8 ? Number(bytes.readBigUInt64BE()) : bytes.readUIntBE(0, bytes.length);
    if (!Number.isSafeInteger(value)) throw new RangeError('a CBOR number is too large');
    return value;
  }

  #take(length: number): Buffer {
    const end = this.position + length;
    if (end > this.#bytes.length) throw new RangeError('CBOR ends too early');
    const taken = this.#bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }
}

function simple(low: number): Cbor {
  if (low === 20 || low === 21) return low === 21;
  if (low === 22 || low === 23) return null;
  throw new RangeError('CBOR floats are not read');
}
