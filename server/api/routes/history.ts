import type { HistoryStep, TagName } from '../../cache/rollback.ts';
import { within } from '../../lib/concurrency.ts';
import { formatArtifactName } from '../../oci/reference.ts';
import type { Admin, Handlers } from '../call.ts';
import { recordChange } from '../change-record.ts';
import type { RouteResponse } from '../contract.ts';

/** How long letting a tag go waits for its upstream. */
const followMs = 2500;
const missingShown = 10;

/** What tags pointed at, and undoing: rollback, release, restore. */
export function historyRoutes(
  admin: Admin,
): Pick<Handlers, 'getTagHistory' | 'rollbackTag' | 'releaseTag' | 'listDeleted' | 'restoreDeleted'> {
  const { parts, rollback } = admin;
  return {
    getTagHistory: ({ query }) => tagHistory(admin, query),

    rollbackTag: async ({ body: { digest, dryRun, ...name }, actor }) => {
      if (dryRun) return rollback.plan(name, digest);
      const done = await rollback.rollBack(name, digest);
      recordChange(parts, actor, {
        event: 'tag_rollback',
        subject: nameOf(name),
        detail: `from ${done.from ?? 'deleted'}${done.holds ? '; held there' : ''}`,
        digest: done.to,
      });
      return done;
    },

    releaseTag: async ({ body, actor }) => {
      await rollback.release(body);
      recordChange(parts, actor, {
        event: 'tag_rollback',
        subject: nameOf(body),
        detail: 'follows its upstream again',
      });
      await follow(admin, body);
      return tagHistory(admin, body);
    },

    listDeleted: ({ query }) => {
      const { keepFor } = parts.live.values.history;
      const page = rollback.deleted({ ...query, after: query.after, since: parts.clock.now() - keepFor });
      const rows = page.entries.map(({ repository, reference, digest, deletedAt, how, bytes }) => ({
        ...{ repository, reference, digest, deletedAt, how, bytes },
        keptUntil: deletedAt + keepFor,
      }));
      return { rows, next: page.next };
    },

    restoreDeleted: async ({ body: { repository, reference }, actor }) => {
      const restored = await rollback.restore(repository, reference);
      recordChange(parts, actor, {
        event: 'artifact_restore',
        subject: reference === undefined ? repository : formatArtifactName(repository, reference),
        detail: `${String(restored.tags.length)} tags and ${String(restored.manifests)} manifests`,
      });
      return { ...restored, tags: [...restored.tags] };
    },
  };
}

function tagHistory({ parts, rollback }: Admin, name: TagName): RouteResponse<'getTagHistory'> {
  const { repository, current, steps } = rollback.past(name);
  const { keepFor } = parts.live.values.history;
  return {
    ...name,
    current: current?.digest,
    heldSince: current?.heldSince,
    upstream: repository.upstream,
    entries: steps.map((step) => historyEntry(step, current?.digest, keepFor)),
  };
}

function historyEntry(
  step: HistoryStep,
  current: string | undefined,
  keepFor: number,
): RouteResponse<'getTagHistory'>['entries'][number] {
  const { missing, ...entry } = step;
  const isKept = entry.endedAt !== undefined && missing.length === 0 && entry.digest !== current;
  return {
    ...entry,
    held: missing.length === 0,
    missing: missing.slice(0, missingShown),
    keptUntil: isKept && entry.endedAt !== undefined ? entry.endedAt + keepFor : undefined,
  };
}

/** Where the upstream has the tag now, whatever its age here; one that is away is asked when the tag is due. */
async function follow({ parts }: Admin, { repository, tag }: TagName): Promise<void> {
  const target = parts.repositories.find(repository);
  if (target === undefined) return;
  const asked = parts.manifestCache.refresh(target, tag).catch(() => undefined);
  await within(asked, followMs);
  parts.control.contentChanged(repository);
}

function nameOf({ repository, tag }: TagName): string {
  return formatArtifactName(repository, tag);
}
