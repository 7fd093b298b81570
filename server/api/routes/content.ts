import { RequestError } from '../../errors.ts';
import { isDigest } from '../../oci/digest.ts';
import { formatArtifactName, parseReference } from '../../oci/reference.ts';
import type { Removed } from '../../storage/removal.ts';
import type { Admin, Handlers } from '../call.ts';
import { recordChange } from '../change-record.ts';
import type { RouteResponse } from '../contract.ts';

interface CacheTarget {
  readonly repository: string;
  readonly reference?: string | undefined;
}

/** Changes of what is held: pin, refresh, delete. */
export function contentRoutes(admin: Admin): Pick<Handlers, 'pin' | 'refreshTag' | 'previewDelete' | 'deleteContent'> {
  const { parts, pins, removal } = admin;
  return {
    pin: ({ body, actor }) => {
      pins.set(body.repository, body.reference, body.pinned);
      recordChange(parts, actor, {
        event: 'config_change',
        subject: nameOf(body),
        detail: body.pinned ? 'pinned' : 'unpinned',
      });
      parts.control.contentChanged(body.repository);
      return { ok: true };
    },

    refreshTag: async ({ body }) => refresh(admin, body.repository, body.reference),

    previewDelete: ({ query }) => withUndo(admin, removal.preview(query, query), query.freeNow),

    deleteContent: async ({ body, actor }) => {
      try {
        const removing = removal.remove(body, { now: parts.clock.now(), freeNow: body.freeNow });
        // tags and manifests went in this turn, the rest takes its time
        parts.control.contentChanged(body.repository);
        const removed = await removing;
        const detail = `${String(removed.itemsTotal)} items, ${String(removed.freedBytes)} bytes freed, ${String(removed.keptBytes)} bytes kept to undo it`;
        recordChange(parts, actor, { event: 'artifact_delete', subject: nameOf(body), detail, digest: digestOf(body) });
        return withUndo(admin, removed, body.freeNow);
      } finally {
        // even when a file could not go: the rows did
        parts.control.contentChanged(body.repository);
      }
    },
  };
}

function withUndo({ parts }: Admin, removed: Removed, isFreedNow: boolean): RouteResponse<'deleteContent'> {
  const keptUntil = isFreedNow ? undefined : parts.clock.now() + parts.live.values.history.keepFor;
  return { ...removed, keptUntil };
}

async function refresh(
  { parts }: Admin,
  name: string,
  reference: string,
): Promise<{ readonly digest: string; readonly changed: boolean }> {
  const parsed = parseReference(reference);
  if (parsed.kind === 'digest')
    throw new RequestError('REQUEST_INVALID', 'a digest never changes; only a tag can be refreshed', {
      value: reference,
    });
  const repository = parts.repositories.find(name);
  if (repository === undefined) throw new RequestError('NAME_UNKNOWN', `nothing is held of ${name}`, { value: name });
  const { digest, changed } = await parts.manifestCache.refresh(repository, parsed.tag);
  parts.control.contentChanged(name);
  return { digest, changed };
}

function digestOf({ reference }: CacheTarget): string | undefined {
  return reference !== undefined && isDigest(reference) ? reference : undefined;
}

function nameOf({ repository, reference }: CacheTarget): string {
  return reference === undefined ? repository : formatArtifactName(repository, reference);
}
