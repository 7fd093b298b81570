import { RequestError } from '../errors.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { ManifestStore } from '../storage/manifest-store.ts';
import type { RepositoryStore } from '../storage/repository-store.ts';
import type { TagStore } from '../storage/tag-store.ts';
import type { SignaturesParts } from './signatures.ts';

/** Where signatures are kept. */
export interface HeldSignaturesParts {
  readonly repositories: Pick<RepositoryStore, 'find'>;
  readonly manifests: Pick<ManifestStore, 'findIn' | 'referrersOf'>;
  readonly tags: Pick<TagStore, 'find'>;
  readonly blobs: Pick<BlobStore, 'isLinked' | 'open'>;
}

/** Finds signatures among what is held, and asks no upstream: for questions about thousands of images at once. */
export function heldSignatures(parts: HeldSignaturesParts): Pick<SignaturesParts, 'manifests' | 'discovery' | 'blobs'> {
  const { repositories, manifests, tags, blobs } = parts;
  return {
    manifests: {
      get: (target, reference) => {
        const repository = repositories.find(target.name);
        const unknown = new RequestError('MANIFEST_UNKNOWN', `it is not held in ${target.name}`);
        if (repository === undefined) return Promise.reject(unknown);
        const digest = reference.kind === 'digest' ? reference.digest : tags.find(repository.id, reference.tag)?.digest;
        const manifest = digest === undefined ? undefined : manifests.findIn(repository.id, digest);
        if (manifest === undefined) return Promise.reject(unknown);
        return Promise.resolve({ manifest, repository, provenance: { outcome: 'hit' }, freshUntil: 0 });
      },
    },
    discovery: {
      listReferrers: (target, digest) => {
        const repository = repositories.find(target.name);
        const referrers = repository === undefined ? [] : manifests.referrersOf(repository.id, digest);
        return Promise.resolve({
          referrers: referrers.map(({ mediaType, digest: of, sizeBytes, artifactType }) => ({
            ...{ mediaType, digest: of, size: sizeBytes },
            ...(artifactType === undefined ? {} : { artifactType }),
          })),
          provenance: { outcome: 'hit' },
        });
      },
    },
    blobs: {
      open: async (target, digest) => {
        const repository = repositories.find(target.name);
        const isHere = repository !== undefined && blobs.isLinked(repository.id, digest);
        const held = isHere ? await blobs.open(digest) : undefined;
        if (held === undefined) throw new RequestError('BLOB_UNKNOWN', `blob ${digest} is not held in ${target.name}`);
        const source = { kind: 'file', ...held, detach: () => held.handle, close: () => held.handle.close() } as const;
        return { source };
      },
    },
  };
}
