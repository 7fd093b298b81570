import { connect, createServer, type Socket } from 'node:net';

/**
 * A TCP proxy that makes a local upstream look far away, run as a process of its own:
 * `far-link-main.ts <listen port> <target port> <round trip ms> <bytes per second>`.
 *
 * All connections share one link of that rate towards the client, served in turns as a router would; every piece then
 * travels half a round trip, and the first bytes of a connection one round trip more, as its handshake would cost.
 */

/** What one connection may have waiting for the link before its source is paused. */
const waitingLimit = 128 * 1024;
/** What a slow reader may leave unread in this process before its source is paused. */
const unreadLimit = 1024 * 1024;

interface Arrival {
  readonly at: number;
  readonly act: () => void;
}

interface Flow {
  readonly source: Socket;
  readonly sink: Socket;
  readonly delayMs: number;
  /** Nothing arrives before this: the handshake's round trip and the way itself. */
  readonly firstArrival: number;
  readonly waiting: Buffer[];
  readonly travelling: Arrival[];
  waitingBytes: number;
  hasEnded: boolean;
  isInTurn: boolean;
}

const [listenPort = 0, targetPort = 0, roundTripMs = 0, bytesPerSecond = Infinity] = process.argv.slice(2).map(Number);
const turns: Flow[] = [];
let linkFreeAt = 0;
let isPumping = false;

createServer({ allowHalfOpen: true, noDelay: true }, accept).listen(listenPort, '127.0.0.1');

function accept(client: Socket): void {
  const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  carry(openFlow(client, target, roundTripMs), travelAtOnce);
  carry(openFlow(target, client, 0), queueForLink);
  client.on('error', () => target.destroy());
  target.on('error', () => client.destroy());
}

function openFlow(source: Socket, sink: Socket, handshakeMs: number): Flow {
  const delayMs = roundTripMs / 2;
  const firstArrival = performance.now() + handshakeMs + delayMs;
  return {
    source,
    sink,
    delayMs,
    firstArrival,
    waiting: [],
    travelling: [],
    waitingBytes: 0,
    hasEnded: false,
    isInTurn: false,
  };
}

function carry(flow: Flow, send: (flow: Flow) => void): void {
  flow.source.on('data', (piece: Buffer) => {
    flow.waiting.push(piece);
    flow.waitingBytes += piece.length;
    send(flow);
    if (flow.waitingBytes > waitingLimit || flow.sink.writableLength > unreadLimit) flow.source.pause();
  });
  flow.source.on('end', () => {
    flow.hasEnded = true;
    send(flow);
  });
  flow.sink.on('drain', () => resumeWhenLow(flow));
  flow.sink.on('close', () => flow.source.destroy());
}

function resumeWhenLow(flow: Flow): void {
  if (flow.waitingBytes <= waitingLimit / 2 && flow.sink.writableLength <= unreadLimit) flow.source.resume();
}

/** Requests are small: they take the way but not the link. */
function travelAtOnce(flow: Flow): void {
  for (let piece = takePiece(flow); piece !== undefined; piece = takePiece(flow))
    travel(flow, piece, performance.now());
  if (flow.hasEnded) travelEnd(flow, performance.now());
}

function queueForLink(flow: Flow): void {
  if (!flow.isInTurn) {
    flow.isInTurn = true;
    turns.push(flow);
  }
  if (!isPumping) pump();
}

/** Puts pieces on the link, one per connection in turn, for as long as the link is not ahead of the clock. */
function pump(): void {
  isPumping = true;
  for (let flow = turns.shift(); flow !== undefined; flow = turns.shift()) {
    const now = performance.now();
    const piece = takePiece(flow);
    linkFreeAt = Math.max(linkFreeAt, now) + ((piece?.length ?? 0) / bytesPerSecond) * 1_000;
    if (piece !== undefined) travel(flow, piece, linkFreeAt);
    if (flow.waiting.length > 0) turns.push(flow);
    else leaveTurns(flow);
    if (linkFreeAt > now + 1) {
      setTimeout(pump, linkFreeAt - now);
      return;
    }
  }
  isPumping = false;
}

function leaveTurns(flow: Flow): void {
  flow.isInTurn = false;
  if (flow.hasEnded) travelEnd(flow, linkFreeAt);
}

function takePiece(flow: Flow): Buffer | undefined {
  const piece = flow.waiting.shift();
  if (piece === undefined) return undefined;
  flow.waitingBytes -= piece.length;
  resumeWhenLow(flow);
  return piece;
}

function travel(flow: Flow, piece: Buffer, departsAt: number): void {
  arriveLater(flow, departsAt, () => {
    if (flow.sink.writable) flow.sink.write(piece);
  });
}

function travelEnd(flow: Flow, departsAt: number): void {
  arriveLater(flow, departsAt, () => flow.sink.end());
}

/** One timer per flow and direction, so that pieces cannot overtake each other. */
function arriveLater(flow: Flow, departsAt: number, act: () => void): void {
  flow.travelling.push({ at: Math.max(departsAt + flow.delayMs, flow.firstArrival), act });
  if (flow.travelling.length === 1) arrive(flow);
}

function arrive(flow: Flow): void {
  for (let next = flow.travelling[0]; next !== undefined; next = flow.travelling[0]) {
    const waitMs = next.at - performance.now();
    if (waitMs > 0.5) {
      setTimeout(() => arrive(flow), waitMs);
      return;
    }
    flow.travelling.shift();
    next.act();
  }
}
