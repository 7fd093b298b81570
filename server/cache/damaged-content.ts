import type { Clock } from '../lib/clock.ts';
import type { Digest } from '../oci/digest.ts';
import type { Finding } from '../storage/blob-proof.ts';
import type { Damage, DamageStore, SetAside } from '../storage/damage-store.ts';
import { breakReaders } from '../storage/shared-reader.ts';
import type { Repair } from './repair.ts';

/** What is told of damaged content: nothing here may throw or wait. */
export interface DamageEvents {
  /** Content went out of service; what is remembered of its repositories is out of date. */
  damaged(found: SetAside, finding: Finding): void;
  /** Content is here again, whoever brought it. */
  repaired(digest: Digest): void;
  warn(message: string, detail: Readonly<Record<string, unknown>>): void;
}

export interface DamagedContentParts {
  readonly clock: Clock;
  readonly damage: DamageStore;
  readonly repair: Repair;
  readonly events: DamageEvents;
}

/** Damaged content and why it is not whole again. */
export interface KnownDamage extends Damage {
  readonly problem: string | undefined;
}

/** Content that was found damaged, from then until it is whole again. */
export class DamagedContent {
  /** Since the start of the process. */
  readonly counts = { damaged: 0, repaired: 0 };
  readonly #parts: DamagedContentParts;
  /** Why the last attempt to repair something failed. */
  readonly #problems = new Map<Digest, string>();
  /** Repositories that served it: their links are gone with the blob. */
  readonly #servedBy = new Map<Digest, readonly string[]>();

  constructor(parts: DamagedContentParts) {
    this.#parts = parts;
  }

  /** How much is damaged and not here again. */
  get unrepaired(): number {
    return this.#parts.damage.openCount();
  }

  /** What is not repaired first; at most 200. */
  list(): KnownDamage[] {
    return this.#parts.damage.list().map((damage) => ({ ...damage, problem: this.#problems.get(damage.digest) }));
  }

  /** Something was just set aside: nobody may go on reading it. */
  outOfService(damaged: SetAside, finding: Finding): void {
    this.counts.damaged += 1;
    this.#servedBy.set(damaged.digest, damaged.repositories);
    breakReaders(damaged.digest);
    this.#parts.events.damaged(damaged, finding);
  }

  /** Asks the upstreams for one thing. @throws the signal's reason */
  async repairOne(digest: Digest, signal: AbortSignal): Promise<void> {
    const { damage, repair } = this.#parts;
    const kind = damage.isManifest(digest) ? 'manifest' : 'blob';
    const served = repair.withUpstream(this.#servedBy.get(digest) ?? []);
    const repositories = [...new Set([...damage.sourcesOf(digest), ...served])];
    const problem = await repair.bring({ digest, kind, repositories }, signal);
    if (problem === undefined) this.#problems.delete(digest);
    else this.#problems.set(digest, problem);
  }

  /** Asks the upstreams for everything that is not here again. @throws the signal's reason */
  async repairAll(signal: AbortSignal): Promise<void> {
    await this.settle();
    for (const digest of this.#parts.damage.open()) await this.repairOne(digest, signal);
    await this.settle();
  }

  /** What a stop of the mirror left half done. */
  async begin(): Promise<void> {
    await this.settle();
    await this.#parts.damage.tidy();
  }

  /** Notes what is here again, whoever brought it, and forgets what nothing needs any more. */
  async settle(): Promise<void> {
    const { damage, clock, events } = this.#parts;
    for (const digest of await damage.settle(clock.now())) {
      this.counts.repaired += 1;
      this.#problems.delete(digest);
      this.#servedBy.delete(digest);
      events.repaired(digest);
    }
  }
}
