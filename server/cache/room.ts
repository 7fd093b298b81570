import { setImmediate as nextTurn } from 'node:timers/promises';
import { limit } from '../lib/concurrency.ts';
import type { Clock } from '../lib/clock.ts';
import type { Evicted, Eviction, EvictionPreview } from '../storage/eviction.ts';
import type { Layout } from '../storage/layout.ts';
import type { LiveSettings } from '../storage/live-settings.ts';
import type { UsedBytes } from '../storage/used-bytes.ts';
import type { Volume } from '../storage/volumes.ts';
import type { TellProgress } from './housekeeping-lane.ts';
import { freeOn, isOtherDiskFull } from './held-room.ts';
import type { HeldRoom as Held, RoomUse } from './held-room.ts';

export interface RoomParts {
  readonly used: UsedBytes;
  readonly eviction: Eviction;
  readonly live: LiveSettings;
  readonly layout: Layout;
  readonly clock: Clock;
  /** Writes down who pulled what last, before anything is chosen by it. */
  readonly flushMarks: () => void;
  /** Told of what went, in the turn in which it did. */
  readonly evicted: (gone: readonly Evicted[], why: RoomLimit) => void;
  /** Told of a failure to make room; it is tried again with the next blob. */
  readonly warn: (message: string, detail: Readonly<Record<string, unknown>>) => void;
}

/** What leaves no room: the cap on what is kept, or the space that stays free on the disk. */
export type RoomLimit = 'cap' | 'floor';

/** Bytes that are about to be kept. Release it when they are kept, or not. */
export interface Reservation {
  /** Says how many bytes it really is, once that is known; false when there is no room for them. */
  fit(bytes: number): Promise<boolean>;
  /** Counts bytes that nobody announced, without asking for room. */
  expect(bytes: number): void;
  /** Tells how many of them are on the disk already. */
  track(written: () => number): void;
  release(): void;
}

export interface RoomState {
  readonly capBytes: number;
  readonly floorBytes: number;
  /** Bytes that count against the cap: blobs, downloads and uploads. */
  readonly usedBytes: number;
  /** Bytes of pushed content, which never goes by itself. */
  readonly pushedBytes: number;
  /** Downloads and uploads under way, and downloads that broke off. */
  readonly incomingBytes: number;
  readonly evictedBytes: number;
  readonly evictedItems: number;
  /** Blobs that were passed on without being kept, or refused when pushed. */
  readonly notKept: number;
  /** What left no room for the last blob; undefined when there was. */
  readonly refusal:
    | {
        readonly limit: RoomLimit;
        readonly at: number;
        /** A volume's whose disk is full. */ readonly directory?: string;
      }
    | undefined;
}

/** Freed beyond what is needed, so that not every blob begins a run: this part of the limit, and never more bytes than that. */
const marginShare = 1 / 50;
const marginLimitBytes = 512 * 1024 * 1024;
/** When nothing more could go, it is not looked for again for this long. */
const exhaustedMs = 5000;
const restartEveryMs = 600_000;

/**
 * Room for bytes: before something is kept, it is counted, and what was used longest ago goes when the cap or the floor needs
 * it.
 *
 *   blobs + broken-off downloads + uploads + reserved (downloads and uploads under way) <= cap
 *
 * While there is room this costs a few reads of single rows. One run at a time; others wait for it.
 */
export class Room {
  readonly #parts: RoomParts;
  readonly #held = new Set<Held>();
  readonly #turn = limit(1);
  /** Bytes of downloads that broke off, by path, oldest first. */
  #idle = new Map<string, number>();
  #idleBytes = 0;
  #heldBytes = 0;
  /** Rows are gone, files not yet. */
  #leavingBytes = 0;
  #exhaustedAt: number | undefined;
  #restartedAt = 0;
  #isStopped = false;
  #refusal: RoomState['refusal'];
  #evictedBytes = 0;
  #evictedItems = 0;
  #notKept = 0;

  constructor(parts: RoomParts) {
    this.#parts = parts;
  }

  get state(): RoomState {
    const { storageCap, freeSpaceFloor } = this.#parts.live.values;
    return {
      capBytes: storageCap,
      floorBytes: freeSpaceFloor,
      usedBytes: this.#usedBytes(),
      pushedBytes: this.#parts.used.pushed(),
      incomingBytes: this.#heldBytes + this.#idleBytes + this.#parts.used.uploads(),
      evictedBytes: this.#evictedBytes,
      evictedItems: this.#evictedItems,
      notKept: this.#notKept,
      refusal: this.#refusal,
    };
  }

  /** Whether what is kept has a limit of its own. */
  get hasCap(): boolean {
    return this.#parts.live.values.storageCap > 0;
  }

  /** What would go at once under these limits, or, without any, what goes next: at most so many images. */
  async preview(limits: RoomLimits | undefined, images: number): Promise<RoomPreview> {
    const short = limits === undefined ? undefined : this.#shortage(0, limits);
    if (limits !== undefined && short === undefined)
      return { evicted: [], bytes: 0, isComplete: true, isOver: false, shortBytes: 0 };
    this.#flushMarks();
    // broken-off downloads go first, and are nobody's content
    const needed = short === undefined ? Infinity : Math.max(0, short.bytes - this.#idleBytes);
    const bytes = short === undefined ? needed : needed + this.#margin(short.limit, limits);
    const found = await this.#parts.eviction.preview({ bytes, images });
    return { ...found, shortBytes: short !== undefined && found.isOver ? Math.max(0, needed - found.bytes) : 0 };
  }

  /** Counts what the last run left behind. To be called once, before anything is kept. */
  async start(): Promise<void> {
    for (const { path, bytes } of await this.#parts.used.partials()) this.#addIdle(path, bytes);
  }

  /**
   * Reserves room for bytes of a blob, evicting when it needs to; undefined when there can't be room.
   */
  async reserve(bytes: number, use: RoomUse = {}): Promise<Reservation | undefined> {
    const { digest, volume = this.#parts.layout.volumes.storage } = use;
    const held: Held = { bytes, digest, volume, written: () => 0 };
    if (digest !== undefined) this.#takeIdle(volume.partial(digest));
    if (this.#isDiskFull(volume, bytes)) {
      this.#notKept += 1;
      this.#refuse('floor', volume);
      return undefined;
    }
    if (this.#shortage(bytes) === undefined) {
      this.#hold(held);
      return this.#reservation(held);
    }
    return this.#turn(async () => {
      this.#hold(held);
      if (await this.#makeRoom()) return this.#reservation(held);
      this.#drop(held);
      this.#notKept += 1;
      return undefined;
    });
  }

  /** Whether so many bytes have room, or had if all that may go went. Nothing goes for the answer. */
  couldFit(bytes: number, volume = this.#parts.layout.volumes.storage): boolean {
    if (this.#isDiskFull(volume, bytes)) {
      this.#notKept += 1;
      return this.#refuse('floor', volume);
    }
    const lack = this.#shortage(bytes);
    if (lack === undefined || !this.#isHopeless(lack)) return true;
    this.#notKept += 1;
    return this.#refuse(lack.limit);
  }

  /** Brings what is kept under the limits as they are now; all that may go goes when that is what it takes. */
  async tidy(tell?: TellProgress): Promise<void> {
    if (!this.isShort) return;
    await this.#turn(() => this.#makeRoom({ isForced: true, ...(tell === undefined ? {} : { tell }) }));
  }

  /** Ends a run after its present step; called before the database is closed. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Whether more is kept, or less is free, than the limits say. */
  get isShort(): boolean {
    return this.#shortage(0) !== undefined;
  }

  /** Whether more is kept than the cap says. */
  get isOverCap(): boolean {
    const { storageCap } = this.#parts.live.values;
    return storageCap > 0 && this.#usedBytes() > storageCap;
  }

  #reservation(held: Held): Reservation {
    this.#refusal = undefined;
    return {
      fit: async (bytes) => {
        this.#resize(held, Math.max(held.bytes, bytes));
        const isFull = this.#isDiskFull(held.volume, 0);
        if (!isFull && this.#shortage(0) === undefined) return true;
        const fits = isFull ? this.#refuse('floor', held.volume) : await this.#turn(() => this.#makeRoom());
        if (!fits) this.#notKept += 1;
        return fits;
      },
      expect: (bytes) => {
        this.#resize(held, Math.max(held.bytes, bytes));
      },
      track: (written) => {
        held.written = written;
      },
      release: () => {
        this.#drop(held);
      },
    };
  }

  /** Evicts until the limits are kept, reservations included; false when they can't be. Only in its turn. */
  async #makeRoom(how: { readonly isForced?: boolean; readonly tell?: TellProgress } = {}): Promise<boolean> {
    const first = this.#shortage(0);
    if (first === undefined) return true;
    if (how.isForced !== true && this.#isHopeless(first)) return this.#refuse(first.limit);
    this.#prepare();
    const goal = first.bytes + this.#margin(first.limit);
    await this.#evict(first, goal, how.tell);
    const left = this.#shortage(0);
    if (left === undefined) return true;
    this.#exhaustedAt = this.#parts.clock.monotonic();
    return this.#refuse(left.limit);
  }

  /** Evicts, step by step, until so many bytes are free and nothing is missing any more. */
  async #evict(first: Shortage, goal: number, tell: TellProgress | undefined): Promise<void> {
    let freed = 0;
    let lack: Shortage | undefined = first;
    while (!this.#isStopped && (lack !== undefined || freed < goal)) {
      const step = await this.#step(Math.max(goal - freed, lack?.bytes ?? 0), lack?.limit ?? first.limit);
      freed += step.freedBytes;
      tell?.(freed, goal);
      if (step.isOver) return;
      lack = this.#shortage(0);
      await nextTurn();
    }
  }

  async #step(bytes: number, why: RoomLimit): Promise<{ readonly freedBytes: number; readonly isOver: boolean }> {
    const oldest = this.#idle.keys().next().value;
    if (oldest !== undefined) {
      const freedBytes = this.#takeIdle(oldest);
      await this.#parts.used.removePartial(oldest);
      return { freedBytes, isOver: false };
    }
    try {
      const now = this.#parts.clock.now();
      const step = this.#parts.eviction.step({ bytes, now, inFlight: this.#inFlight() });
      this.#leavingBytes += step.freedBytes;
      this.#evictedBytes += step.freedBytes;
      this.#evictedItems += step.evicted.length;
      if (step.evicted.length > 0) this.#parts.evicted(step.evicted, why);
      try {
        await step.files;
      } finally {
        this.#leavingBytes -= step.freedBytes;
      }
      return step;
    } catch (error) {
      this.#parts.warn('room could not be made; passing content on without keeping it', { error: String(error) });
      return { freedBytes: 0, isOver: true };
    }
  }

  #inFlight(): Set<string> {
    const digests = new Set<string>();
    for (const { digest } of this.#held) if (digest !== undefined) digests.add(digest);
    return digests;
  }

  #prepare(): void {
    const { clock, eviction } = this.#parts;
    // what was unpinned since is at the front again
    if (clock.monotonic() - this.#restartedAt > restartEveryMs) {
      this.#restartedAt = clock.monotonic();
      eviction.restart();
    }
    this.#flushMarks();
  }

  #flushMarks(): void {
    try {
      this.#parts.flushMarks();
    } catch (error) {
      this.#parts.warn('who pulled what last could not be written', { error: String(error) });
    }
  }

  /** Whether evicting everything that may go would not be enough, as far as that is known without looking. */
  #isHopeless({ bytes }: Shortage): boolean {
    const { used, clock } = this.#parts;
    if (bytes > used.stored() - used.pushed() + this.#idleBytes) return true;
    return this.#exhaustedAt !== undefined && clock.monotonic() - this.#exhaustedAt < exhaustedMs;
  }

  #refuse(what: RoomLimit, volume?: Volume): false {
    const directory = volume === undefined ? {} : { directory: volume.directory };
    this.#refusal = { limit: what, at: this.#parts.clock.now(), ...directory };
    return false;
  }

  #margin(what: RoomLimit, limits: RoomLimits = this.#parts.live.values): number {
    const { storageCap, freeSpaceFloor } = limits;
    return Math.min(marginLimitBytes, Math.ceil((what === 'cap' ? storageCap : freeSpaceFloor) * marginShare));
  }

  /** What is missing for `more` bytes; undefined when there is room. */
  #shortage(more: number, limits: RoomLimits = this.#parts.live.values): Shortage | undefined {
    const { storageCap, freeSpaceFloor } = limits;
    const overCap = storageCap === 0 ? 0 : this.#usedBytes() + more - storageCap;
    const belowFloor = freeSpaceFloor - (freeOn(this.#parts.layout.volumes, this.#held) - more);
    if (overCap <= 0 && belowFloor <= 0) return undefined;
    return overCap >= belowFloor ? { bytes: overCap, limit: 'cap' } : { bytes: belowFloor, limit: 'floor' };
  }

  #isDiskFull(volume: Volume, more: number): boolean {
    const { layout, live } = this.#parts;
    return isOtherDiskFull(layout.volumes, { volume, more, held: this.#held, floorBytes: live.values.freeSpaceFloor });
  }

  #usedBytes(): number {
    const { used } = this.#parts;
    return used.stored() + used.uploads() + this.#idleBytes + this.#heldBytes + this.#leavingBytes;
  }

  #hold(held: Held): void {
    this.#held.add(held);
    this.#heldBytes += held.bytes;
  }

  #resize(held: Held, bytes: number): void {
    if (this.#held.has(held)) this.#heldBytes += bytes - held.bytes;
    held.bytes = bytes;
  }

  #drop(held: Held): void {
    if (!this.#held.delete(held)) return;
    this.#heldBytes -= held.bytes;
  }

  /** A download broke off and left bytes that the next one goes on with. */
  leave(path: string, bytes: number): void {
    if (bytes > 0) this.#addIdle(path, bytes);
  }

  #addIdle(path: string, bytes: number): void {
    this.#takeIdle(path);
    this.#idle.set(path, bytes);
    this.#idleBytes += bytes;
  }

  #takeIdle(path: string): number {
    const bytes = this.#idle.get(path) ?? 0;
    this.#idle.delete(path);
    this.#idleBytes -= bytes;
    return bytes;
  }
}

/** Bytes; a cap of 0 is none. */
export interface RoomLimits {
  readonly storageCap: number;
  readonly freeSpaceFloor: number;
}

/** What would go; `shortBytes` is by how much the limits are missed although all that may go is gone. */
export interface RoomPreview extends EvictionPreview {
  readonly shortBytes: number;
}

interface Shortage {
  readonly bytes: number;
  readonly limit: RoomLimit;
}
