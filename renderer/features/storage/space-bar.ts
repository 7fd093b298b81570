import type { RouteResponse } from '../../../server/api/contract.ts';

/** The bar of the Storage page as figures. PURE. */

type Storage = Pick<
  RouteResponse<'getStorage'>,
  | 'cachedBytes'
  | 'pushedBytes'
  | 'incomingBytes'
  | 'keptBytes'
  | 'pinnedBytes'
  | 'usedBytes'
  | 'capBytes'
  | 'floorBytes'
  | 'freeBytes'
>;

export interface SpacePart {
  readonly id: 'cached' | 'pushed' | 'incoming' | 'room' | 'beyond';
  readonly label: string;
  readonly bytes: number;
  /** Of the bar's length, 0 to 1. */
  readonly share: number;
  readonly note?: string;
}

export interface SpaceBar {
  readonly parts: readonly SpacePart[];
  /** Where the cap and the floor are, 0 to 1. */
  readonly marks: readonly { readonly id: 'cap' | 'floor'; readonly label: string; readonly share: number }[];
}

/** With a cap the bar ends a little after it, so that a small cap on a large disk can be read. */
const beyondCap = 1.12;

/** The parts of the bar: what is kept, what is coming, what there is room for, and what must stay free. */
export function spaceBar(storage: Storage): SpaceBar {
  const { cachedBytes, pushedBytes, incomingBytes, usedBytes, capBytes, floorBytes, freeBytes } = storage;
  const reach = usedBytes + freeBytes;
  const scale = Math.max(1, capBytes === 0 ? reach : Math.min(reach, Math.max(usedBytes, capBytes) * beyondCap));
  // downloads under way are no cached content yet
  const roomOnDisk = Math.max(0, freeBytes - floorBytes);
  const roomUnderCap = capBytes === 0 ? roomOnDisk : Math.max(0, capBytes - usedBytes);
  const room = Math.min(roomOnDisk, roomUnderCap);
  const beyond = Math.max(0, freeBytes - room);
  const part = (id: SpacePart['id'], label: string, bytes: number, note?: string): SpacePart => ({
    id,
    label,
    bytes,
    share: Math.min(1, bytes / scale),
    ...(note === undefined ? {} : { note }),
  });
  const shown = scale - usedBytes - room;
  return {
    parts: [
      part('cached', 'Cached', cachedBytes),
      part('pushed', 'Pushed', pushedBytes, 'never goes by itself'),
      part('incoming', 'On its way in', incomingBytes),
      part('room', 'Room for more', room),
      { ...part('beyond', 'Stays free', beyond), share: Math.max(0, Math.min(beyond, shown) / scale) },
    ],
    marks: [
      ...(capBytes > 0 && capBytes <= scale ? [{ id: 'cap', label: 'Cap', share: capBytes / scale } as const] : []),
      ...(reach - floorBytes <= scale && reach > floorBytes
        ? [{ id: 'floor', label: 'Floor', share: (reach - floorBytes) / scale } as const]
        : []),
    ],
  };
}
