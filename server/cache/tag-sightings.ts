import type { Digest } from '../oci/digest.ts';
import type { Clock } from '../lib/clock.ts';
import { Absences } from './absences.ts';

/** What an upstream said about a tag whose manifest was not held yet. */
export interface TagSighting {
  readonly tag: string;
  /** By the wall clock. */
  readonly at: number;
}

/** A client that asks for the tag with HEAD asks for the manifest right after. */
const keptMs = 300_000;
const perDigestLimit = 100;

/**
 * Remembers where tags point until their manifests arrive: containerd and Docker ask for a tag with HEAD and then for the
 * manifest by digest, so no request of theirs brings both.
 */
export class TagSightings {
  readonly #clock: Clock;
  readonly #sightings: Absences<readonly TagSighting[]>;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sightings = new Absences(clock);
  }

  note(repository: string, tag: string, digest: Digest): void {
    const key = `${repository}@${digest}`;
    const others = (this.#sightings.get(key) ?? []).filter((sighting) => sighting.tag !== tag);
    const sightings = [...others, { tag, at: this.#clock.now() }].slice(-perDigestLimit);
    this.#sightings.put(key, sightings, keptMs);
  }

  /** The tags that were seen to point at the digest; they are forgotten. */
  take(repository: string, digest: Digest): readonly TagSighting[] {
    const key = `${repository}@${digest}`;
    const sightings = this.#sightings.get(key) ?? [];
    this.#sightings.delete(key);
    return sightings;
  }

  clear(): void {
    this.#sightings.clear();
  }
}
