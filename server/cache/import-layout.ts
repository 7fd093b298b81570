import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ContentError, MirrorError, RequestError } from '../errors.ts';
import { limit } from '../lib/concurrency.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import type { Descriptor, Manifest } from '../oci/manifest.ts';
import { isForeignLayer } from '../oci/media-types.ts';
import { isTag } from '../oci/reference.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { ManifestStore } from '../storage/manifest-store.ts';
import { layoutFile, readLayoutIndex, readLayoutManifest } from '../storage/oci-layout.ts';
import type { LayoutEntry, LayoutFile, LayoutRepository } from '../storage/oci-layout.ts';
import type { RepositoryStore } from '../storage/repository-store.ts';
import type { TagStore } from '../storage/tag-store.ts';
import type { Origin } from './admit.ts';
import { importBlob } from './import-blob.ts';
import type { BlobImportParts } from './import-blob.ts';
import { addTaken, nothingTaken } from './import-report.ts';
import type { ImportTally, RepositoryImport } from './import-report.ts';

export interface LayoutImportParts extends BlobImportParts {
  readonly repositories: RepositoryStore;
  readonly manifests: ManifestStore;
  readonly tags: TagStore;
  readonly blobs: BlobStore;
}

/** Where a repository of the folder goes. */
export interface ImportTarget extends Origin {
  /** Name in the store. */
  readonly name: string;
}

export interface LayoutImportOptions {
  /** Nothing is changed, and blobs are looked for but not read. */
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
  /** Told after each blob. */
  readonly onBytes: (bytes: number) => void;
  /** Blobs a dry run has counted, over all repositories: each enters once. */
  readonly counted: Set<Digest>;
}

/** What is wrong with one manifest or blob. */
interface Loss {
  readonly digest: Digest;
  readonly why: string;
  /** True for an index's manifest that was never here: an index may be kept without all of its platforms. */
  readonly isAbsent?: boolean;
}

/** What became of a manifest and what is below it. */
interface Taken {
  readonly isWhole: boolean;
  readonly losses: readonly Loss[];
}

const blobsAtOnce = 4;

/**
 * Takes one repository of a folder of OCI layouts in: blobs first, then their manifest with its tags, so that whatever is
 * in the store is whole at every moment. What is here already is left alone, also a tag that points elsewhere here.
 */
export class LayoutImport {
  readonly #parts: LayoutImportParts;
  readonly #options: LayoutImportOptions;
  readonly #from: LayoutRepository;
  readonly #target: ImportTarget;
  readonly #tally: ImportTally = nothingTaken();
  readonly #taken = new Map<Digest, Taken>();
  readonly #skipped: { what: string; why: string }[] = [];
  #tagsOf: ReadonlyMap<Digest, readonly string[]> = new Map();
  #checkedAt: number | undefined;

  constructor(parts: LayoutImportParts, from: LayoutRepository, target: ImportTarget, options: LayoutImportOptions) {
    this.#parts = parts;
    this.#from = from;
    this.#target = target;
    this.#options = options;
  }

  /**
   * @throws ContentError when the repository can't be read at all, StorageError when nothing more can be stored; aborts with
   * the signal's reason. What came until then stays.
   */
  async run(): Promise<RepositoryImport> {
    this.#refuseOtherOrigin();
    const { entries, unreadable } = await readLayoutIndex(this.#from);
    if (unreadable > 0) this.#skip('index.json', `${String(unreadable)} of its entries are no descriptors`);
    this.#tagsOf = this.#readTags(entries);
    // zot wrote it when it last saw something new upstream; later than that nobody has asked
    const { mtimeMs } = await stat(join(this.#from.directory, 'index.json'));
    const isMirrored = this.#target.upstream !== undefined;
    this.#checkedAt = isMirrored ? Math.min(Math.floor(mtimeMs), this.#parts.clock.now()) : undefined;
    const broken = new Map<Digest, { readonly loss: Loss; readonly breaks: string[] }>();
    for (const { digest, mediaType } of uniqueBy(entries)) {
      const { losses } = await this.#take(digest, mediaType);
      const names = this.#tagsOf.get(digest) ?? [digest];
      for (const loss of losses) {
        const entry = broken.get(loss.digest) ?? { loss, breaks: [] };
        entry.breaks.push(...names);
        broken.set(loss.digest, entry);
      }
    }
    return this.#report([...broken.values()]);
  }

  #report(broken: readonly { readonly loss: Loss; readonly breaks: string[] }[]): RepositoryImport {
    const absent = broken.filter(({ loss }) => loss.isAbsent === true);
    return {
      name: this.#from.name,
      target: this.#target.name,
      upstream: this.#target.upstream,
      ...this.#tally,
      damaged: broken
        .filter(({ loss }) => loss.isAbsent !== true)
        .map(({ loss, breaks }) => ({ digest: loss.digest, why: loss.why, breaks })),
      skipped: [
        ...this.#skipped,
        ...absent.map(({ loss, breaks }) => ({ what: loss.digest, why: `${loss.why} (of ${breaks.join(', ')})` })),
      ],
    };
  }

  /** @throws RequestError (CONFLICT) */
  #refuseOtherOrigin(): void {
    const held = this.#parts.repositories.find(this.#target.name);
    if (held === undefined || held.upstream === this.#target.upstream) return;
    const is = held.upstream === undefined ? "this mirror's own content" : `mirrored from ${held.upstream}`;
    throw new RequestError('CONFLICT', `${held.name} is ${is} here, so nothing is put beside it`, { value: held.name });
  }

  /** Tags that may be set, by what they point at. */
  #readTags(entries: readonly LayoutEntry[]): ReadonlyMap<Digest, readonly string[]> {
    const id = this.#parts.repositories.find(this.#target.name)?.id;
    const tags = new Map<Digest, string[]>();
    for (const { tag, digest } of entries) {
      if (tag === undefined) continue;
      const held = id === undefined ? undefined : this.#parts.tags.find(id, tag);
      if (!isTag(tag)) this.#skip(`tag ${JSON.stringify(tag.slice(0, 150))}`, 'it is not a tag');
      else if (held !== undefined && held.digest !== digest)
        this.#skip(`tag ${tag}`, `here it points at ${held.digest}, and stays there`);
      else tags.set(digest, [...(tags.get(digest) ?? []), tag]);
    }
    return tags;
  }

  #skip(what: string, why: string): void {
    this.#skipped.push({ what, why });
  }

  async #take(digest: Digest, mediaType: string | undefined): Promise<Taken> {
    const known = this.#taken.get(digest);
    if (known !== undefined) return known;
    // a manifest can't list itself: its digest would have to be known before it is written
    const taken = await this.#takeNew(digest, mediaType);
    this.#taken.set(digest, taken);
    return taken;
  }

  async #takeNew(digest: Digest, mediaType: string | undefined): Promise<Taken> {
    this.#options.signal.throwIfAborted();
    let content: Buffer;
    let manifest: Manifest;
    try {
      content = await this.#readManifest(digest);
      manifest = parseManifest(content, mediaType);
    } catch (error) {
      return lost(digest, error);
    }
    const children = await this.#takeChildren(manifest);
    const losses = children.flatMap((child) => child.losses);
    // of an index, what is whole is worth having; without any of its manifests it is of no use
    if (children.length > 0 && !children.some((child) => child.isWhole)) return { isWhole: false, losses };
    const missing = await this.#takeBlobs(digest, manifest);
    if (missing.length > 0) return { isWhole: false, losses: [...losses, ...missing] };
    await this.#admit(digest, content, manifest);
    return { isWhole: true, losses };
  }

  async #readManifest(digest: Digest): Promise<Buffer> {
    const id = this.#parts.repositories.find(this.#target.name)?.id;
    const held = id === undefined ? undefined : this.#parts.manifests.findIn(id, digest);
    if (held !== undefined) return held.content;
    const file = await layoutFile(this.#from, digest);
    if (file === undefined) throw new ContentError('it is not in the folder', { value: digest });
    return readLayoutManifest(file, digest);
  }

  async #takeChildren(manifest: Manifest): Promise<readonly Taken[]> {
    const taken: Taken[] = [];
    for (const { digest, mediaType } of manifest.manifests) {
      const isThere = this.#isLinked(digest) || (await layoutFile(this.#from, digest)) !== undefined;
      const absent = { digest, why: 'this manifest of an index is not in the folder', isAbsent: true };
      taken.push(isThere ? await this.#take(digest, mediaType) : { isWhole: true, losses: [absent] });
    }
    return taken;
  }

  #isLinked(digest: Digest): boolean {
    const id = this.#parts.repositories.find(this.#target.name)?.id;
    return id !== undefined && this.#parts.manifests.isLinked(id, digest);
  }

  /** Takes all blobs of a manifest; when one is missing none is taken, as nothing could be done with the others. */
  async #takeBlobs(of: Digest, manifest: Manifest): Promise<readonly Loss[]> {
    const needed = [...(manifest.config === undefined ? [] : [manifest.config]), ...manifest.layers];
    const found: { readonly digest: Digest; readonly file: LayoutFile | undefined }[] = [];
    const losses: Loss[] = [];
    for (const descriptor of new Map(needed.map((one) => [one.digest, one])).values()) {
      // what no manifest here needs yet is taken all the same: that keeps it from being cleaned up meanwhile
      if (this.#isLinked(of) && (await this.#isHeldHere(descriptor))) continue;
      const file = await layoutFile(this.#from, descriptor.digest);
      if (file === undefined && isForeignLayer(descriptor.mediaType)) continue;
      const why = this.#whyUnfit(descriptor, file);
      if (why !== undefined) losses.push({ digest: descriptor.digest, why });
      else found.push({ digest: descriptor.digest, file });
    }
    if (losses.length > 0) return losses;
    const turn = limit(blobsAtOnce);
    const results = await Promise.allSettled(found.map((blob) => turn(() => this.#takeBlob(blob.digest, blob.file))));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return results.flatMap((result) =>
      result.status === 'fulfilled' && result.value !== undefined ? [result.value] : [],
    );
  }

  async #isHeldHere({ digest }: Descriptor): Promise<boolean> {
    const sizeBytes = this.#parts.blobs.sizeOf(digest);
    return (
      sizeBytes !== undefined && this.#isBlobLinked(digest) && (await this.#parts.blobs.hasFile(digest, sizeBytes))
    );
  }

  #whyUnfit({ digest, size }: Descriptor, file: LayoutFile | undefined): string | undefined {
    if (file === undefined) return 'it is not in the folder';
    // what another repository brought here is whole, whatever became of this file
    if (file.sizeBytes === size || this.#parts.blobs.sizeOf(digest) !== undefined) return undefined;
    return `it has ${String(file.sizeBytes)} bytes, the manifest says ${String(size)}`;
  }

  async #takeBlob(digest: Digest, file: LayoutFile | undefined): Promise<Loss | undefined> {
    const { signal, isDryRun } = this.#options;
    signal.throwIfAborted();
    if (file === undefined) return undefined;
    if (isDryRun) {
      this.#countBlob(digest, file);
      return undefined;
    }
    try {
      await this.#bring(digest, file);
      return undefined;
    } catch (error) {
      if (error instanceof ContentError) return { digest, why: error.message };
      throw error;
    }
  }

  /** For a dry run. */
  #countBlob(digest: Digest, file: LayoutFile): void {
    const { counted } = this.#options;
    const isNew = this.#parts.blobs.sizeOf(digest) === undefined && !counted.has(digest);
    if (isNew) addTaken(this.#tally, 'copied', file.sizeBytes);
    else if (!this.#isBlobLinked(digest)) addTaken(this.#tally, 'shared', 0);
    counted.add(digest);
  }

  async #bring(digest: Digest, file: LayoutFile): Promise<void> {
    const { admission, clock } = this.#parts;
    const place = { repository: this.#target.name, origin: this.#target, digest };
    const isLinked = this.#isBlobLinked(digest);
    if (await admission.shareBlob({ ...place, now: clock.now() })) {
      if (!isLinked) addTaken(this.#tally, 'shared', 0);
      return;
    }
    addTaken(this.#tally, await importBlob(this.#parts, { ...place, file }), file.sizeBytes);
    this.#options.onBytes(file.sizeBytes);
  }

  #isBlobLinked(digest: Digest): boolean {
    const id = this.#parts.repositories.find(this.#target.name)?.id;
    return id !== undefined && this.#parts.blobs.isLinked(id, digest);
  }

  async #admit(digest: Digest, content: Buffer, manifest: Manifest): Promise<void> {
    const { repositories, tags, admission, clock } = this.#parts;
    const id = repositories.find(this.#target.name)?.id;
    const isLinked = this.#isLinked(digest);
    const wanted = this.#tagsOf.get(digest) ?? [];
    const missing = wanted.filter((tag) => id === undefined || tags.find(id, tag) === undefined);
    if (isLinked && missing.length === 0) {
      this.#tally.alreadyHeld += 1;
      return;
    }
    if (!this.#options.isDryRun)
      await admission.admitPush({
        repository: this.#target.name,
        origin: this.#target,
        digest,
        content,
        mediaType: manifest.mediaType,
        tags: missing,
        sparse: 'indexes',
        now: clock.now(),
        checkedAt: this.#checkedAt,
      });
    if (!isLinked) this.#tally.manifests += 1;
    this.#tally.tags += missing.length;
  }
}

function lost(digest: Digest, error: unknown): Taken {
  if (!(error instanceof MirrorError)) throw error;
  return { isWhole: false, losses: [{ digest, why: error.message }] };
}

/** Each digest once. */
function uniqueBy(entries: readonly LayoutEntry[]): Iterable<LayoutEntry> {
  return new Map(entries.map((entry) => [entry.digest, entry])).values();
}
