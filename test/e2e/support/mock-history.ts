import type { RepositoryRow, RouteBody, RouteResponse, TagRow } from '../../../server/api/contract.ts';
import { isRepositoryName } from '../../../server/oci/reference.ts';
import { pushCommands } from '../../../server/api/push-commands.ts';
import { digestOf } from './fixtures.ts';

const day = 86_400_000;
const mib = 2 ** 20;
const keepFor = 30 * day;

type Deleted = RouteResponse<'listDeleted'>['rows'][number];

/** What was undone in the mock. */
export interface HistoryState {
  /** Where rolled back tags are, by repository and tag. */
  readonly held: Map<string, { readonly digest: string; readonly since: number }>;
  deleted: Deleted[];
}

interface Mock {
  readonly now: number;
  readonly history: HistoryState;
  repositories: RepositoryRow[];
}

/** What was deleted before the window was opened. */
export function newHistory(now: number, isEmpty: boolean): HistoryState {
  const row = (repository: string, reference: string, daysAgo: number, how: Deleted['how']): Deleted => ({
    repository,
    reference,
    digest: digestOf(`${repository} ${reference}`),
    deletedAt: now - daysAgo * day,
    how,
    keptUntil: now - daysAgo * day + keepFor,
    bytes: (20 + daysAgo) * mib,
  });
  const deleted = [
    row('team/app', 'v0.9', 1, 'deleted'),
    row('team/app', digestOf('team/app child'), 3, 'deleted'),
    row('ghcr.io/acme/web', 'nightly-41', 12, 'retention'),
  ];
  return { held: new Map(), deleted: isEmpty ? [] : deleted };
}

/** A tag as it is after rollbacks. */
export function withHeld({ history }: Mock, repository: string, tag: TagRow): TagRow {
  const held = history.held.get(`${repository} ${tag.tag}`);
  return held === undefined ? tag : { ...tag, digest: held.digest, heldSince: held.since };
}

/** Three digests: the one it points at, one that is kept, one that is gone. */
export function tagHistoryMock(
  { now, history }: Mock,
  repository: RepositoryRow,
  tag: string,
): RouteResponse<'getTagHistory'> {
  const held = history.held.get(`${repository.name} ${tag}`);
  const digests = ['now', 'before', 'gone'].map((which) => digestOf(`${repository.name} ${tag} ${which}`));
  const current = held?.digest ?? digests[0] ?? '';
  const entries = digests.map((digest, index): RouteResponse<'getTagHistory'>['entries'][number] => ({
    digest,
    firstSeenAt: now - (index * 9 + 6) * day,
    lastSeenAt: now - index * 9 * day,
    ...(digest === current
      ? {}
      : { endedAt: now - index * 9 * day, endedAs: index === 0 ? ('rolled back' as const) : ('moved' as const) }),
    held: index < 2,
    missing: index < 2 ? [] : [`layer ${digestOf('lost layer')}`],
    ...(digest === current || index > 1 ? {} : { keptUntil: now - index * 9 * day + keepFor }),
    bytes: (180 - index * 20) * mib,
  }));
  const upstream = repository.upstream === undefined ? {} : { upstream: repository.upstream };
  return {
    repository: repository.name,
    tag,
    current,
    ...upstream,
    entries,
    ...(held === undefined ? {} : { heldSince: held.since }),
  };
}

export function rollbackMock(
  mock: Mock,
  repository: RepositoryRow,
  body: RouteBody<'rollbackTag'>,
): RouteResponse<'rollbackTag'> {
  const past = tagHistoryMock(mock, repository, body.tag);
  const to = body.digest ?? past.entries[1]?.digest ?? '';
  const holds = repository.upstream !== undefined;
  if (body.dryRun !== true) mock.history.held.set(`${repository.name} ${body.tag}`, { digest: to, since: mock.now });
  return { repository: repository.name, tag: body.tag, from: past.current, to, holds };
}

export function restoreMock(mock: Mock, body: RouteBody<'restoreDeleted'>): RouteResponse<'restoreDeleted'> {
  mock.history.deleted = mock.history.deleted.filter(
    (row) => row.repository !== body.repository || row.reference !== body.reference,
  );
  const tags = body.reference === undefined || body.reference.includes(':') ? [] : [body.reference];
  return { repository: body.repository, tags, manifests: 1 };
}

export function pushInstructionsMock(repository: string): RouteResponse<'getPushInstructions'> {
  const reason = !isRepositoryName(repository)
    ? 'invalid repository name: expected lowercase path segments separated by "/", at most 255 characters'
    : repository.split('/')[0]?.includes('.') === true
      ? `${repository} begins with a host name, and such names belong to upstreams; use a name of your own, such as team/app`
      : undefined;
  const status = { addresses: ['mirror.office.test:5050'], tls: false };
  return reason === undefined
    ? { repository, isAllowed: true, commands: pushCommands(repository, status) }
    : { repository, isAllowed: false, reason, commands: [] };
}

export function createRepositoryMock(mock: Mock, name: string): RouteResponse<'createRepository'> {
  const isNew = mock.repositories.every((one) => one.name !== name);
  const empty = { tags: 0, manifests: 0, bytes: 0, uniqueBytes: 0, firstSeenAt: mock.now, pinned: false };
  if (isNew) mock.repositories = [...mock.repositories, { name, ...empty }];
  return { repository: name, created: isNew };
}
