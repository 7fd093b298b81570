import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

/**
 * What a plain connection of `node:http` consists of below its public interface, in Node 24. Everything is looked at before it is
 * used: where something is missing or different, bodies come through the parser as always.
 */
export interface ReadHandle {
  onread: (bytes: unknown) => unknown;
  reading: boolean;
  /** Bytes read from the connection so far. */
  readonly bytesRead: number;
  readStart(): unknown;
  readStop(): unknown;
  /** From now on reads go here; the memory must live as long as the handle. What `onread` returns takes its place. */
  useUserBuffer(buffer: Buffer): unknown;
}

interface BodyParser {
  consume(handle: ReadHandle): void;
  unconsume(): void;
  execute(bytes: Buffer): unknown;
}

/** A connection in the middle of a request body. */
export interface BodyConnection {
  readonly handle: ReadHandle;
  /** Between the two the parser gets nothing from the connection. */
  detachParser(): void;
  /** Says how many bytes of the body went another way, and gives the connection back. */
  attachParser(bytes: number): void;
}

/** Told to the parser instead of what came: it looks at the length only. */
const nothing = Buffer.alloc(64 * 1024);

/** The connection a request comes from; undefined when its body can't be read past the parser (TLS, another Node). */
export function bodyConnection(request: IncomingMessage): BodyConnection | undefined {
  const { socket } = request;
  if (socket instanceof TLSSocket || socket.destroyed || request.destroyed || request.complete) return undefined;
  const handle: unknown = Reflect.get(socket, '_handle');
  const parser: unknown = Reflect.get(socket, 'parser');
  if (!isReadHandle(handle) || !isBodyParser(parser) || Reflect.get(parser, 'incoming') !== request) return undefined;
  const slot = bodySlot(parser);
  if (slot === undefined) return undefined;
  return {
    handle,
    detachParser: () => {
      parser.unconsume();
    },
    attachParser: (bytes) => {
      const onBody: unknown = Reflect.get(parser, slot);
      Reflect.set(parser, slot, undefined);
      for (let left = bytes; left > 0; left -= nothing.length) parser.execute(nothing.subarray(0, left));
      Reflect.set(parser, slot, onBody);
      parser.consume(handle);
    },
  };
}

function isReadHandle(value: unknown): value is ReadHandle {
  if (typeof value !== 'object' || value === null) return false;
  const has = (name: string, type: string): boolean => typeof Reflect.get(value, name) === type;
  const methods = ['onread', 'readStart', 'readStop', 'useUserBuffer'];
  // what the parser has not taken for itself is read some other way already
  return (
    methods.every((name) => has(name, 'function')) &&
    has('bytesRead', 'number') &&
    Reflect.get(value, '_consumed') === true
  );
}

function isBodyParser(value: unknown): value is BodyParser {
  if (typeof value !== 'object' || value === null) return false;
  return ['consume', 'unconsume', 'execute'].every((name) => typeof Reflect.get(value, name) === 'function');
}

/** Under which name the parser holds what it calls with pieces of a body; without it, it only counts them. */
function bodySlot(parser: BodyParser): number | undefined {
  const slot: unknown = Reflect.get(parser.constructor, 'kOnBody');
  return typeof slot === 'number' && typeof Reflect.get(parser, slot) === 'function' ? slot : undefined;
}
