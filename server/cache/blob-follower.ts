import type { Lease } from '../lib/blocks.ts';
import type { OnChunk } from '../upstream/client.types.ts';
import type { Piece } from './chunk-window.ts';
import type { BytesBehind } from './partial-file.ts';

/** Withheld from every follower until the digest is proved: a client can't complete a transfer of wrong bytes. */
export const withheldBytes = 16 * 1024;

/** A blob in flight, as those who follow it see it. */
export interface FollowedBlob {
  isProved(): boolean;
  /** Offset up to which followers may read now. */
  releasableBytes(): number;
  /** The piece from `position` on, when it is still in memory. */
  inMemory(position: number): Piece | undefined;
  /** What is no longer in memory; release its lease. @throws StorageError */
  behind(position: number): Promise<BytesBehind>;
  /** The follower needs nothing before `position` any more. */
  moved(position: number): void;
  /** Waits for news; false when the blob is proved and there is nothing more. @throws what made the flight fail */
  hasMore(): Promise<boolean>;
}

/** Hands a follower its bytes from `start` to `last`, as fast as `onChunk` takes them and the upstream sends. */
export async function feed(
  blob: FollowedBlob,
  span: { readonly start: number; readonly last: number },
  onChunk: OnChunk,
  signal: AbortSignal,
): Promise<void> {
  const { start, last } = span;
  // copied, so that a range that has all it wants doesn't hold back a download that only memory carries
  const tail: Buffer[] = [];
  let position = start;
  while (!signal.aborted) {
    const limit = Math.min(last, blob.releasableBytes());
    if (position >= limit && (await blob.hasMore())) continue;
    if (position >= limit) return sendTail(tail, onChunk);
    // no await when it is in memory: the window may move on and its memory be used again
    const found = pieceAt(blob, position);
    const { piece, done } = found instanceof Promise ? await found : found;
    const chunk = piece.bytes.subarray(0, limit - position);
    try {
      const isAllFree = blob.isProved() && tail.length === 0;
      const free = isAllFree ? chunk.length : freeBytes(chunk, position, last);
      await split(chunk, free, { tail, onChunk, lease: piece.lease });
    } finally {
      done();
    }
    position += chunk.length;
    blob.moved(position >= last ? Number.MAX_SAFE_INTEGER : position);
  }
}

interface Found {
  readonly piece: { readonly bytes: Buffer; readonly lease: Lease | undefined };
  /** Gives the memory back; its owner does that for what is in memory. */
  readonly done: () => void;
}

function pieceAt(blob: FollowedBlob, position: number): Found | Promise<Found> {
  const held = blob.inMemory(position);
  if (held !== undefined) return { piece: held, done: () => undefined };
  return blob.behind(position).then((piece) => ({
    piece,
    done: () => {
      piece.lease.release();
    },
  }));
}

interface Outlet {
  readonly tail: Buffer[];
  readonly onChunk: OnChunk;
  readonly lease: Lease | undefined;
}

/** Memory of a chunk is used again once the window moved on: what is withheld is copied before anything is awaited. */
async function split(chunk: Buffer, free: number, { tail, onChunk, lease }: Outlet): Promise<void> {
  if (free < chunk.length) tail.push(Buffer.from(chunk.subarray(free)));
  if (free > 0) await onChunk(chunk.subarray(0, free), lease);
}

async function sendTail(tail: readonly Buffer[], onChunk: OnChunk): Promise<void> {
  for (const piece of tail) await onChunk(piece);
}

/** How much of a chunk may go out before the digest is proved. */
function freeBytes(chunk: Buffer, position: number, last: number): number {
  return Math.min(chunk.length, Math.max(0, last - withheldBytes - position));
}
