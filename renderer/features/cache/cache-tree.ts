import type { ManifestRow, RepositoryRow, RouteResponse, TagRow } from '../../../server/api/contract.ts';

/** The cache as one flat list of rows with depth, from what is loaded and what is unfolded. PURE. */

export type RepositoryContent = RouteResponse<'getRepository'>;

export interface LoadedContent {
  readonly data: RepositoryContent | undefined;
  readonly error: unknown;
}

interface RowBase {
  readonly key: string;
  readonly level: number;
}

export type CacheRow =
  | (RowBase & {
      readonly kind: 'registry';
      readonly name: string;
      readonly repositories: number;
      readonly bytes: number;
      readonly uniqueBytes: number;
      readonly lastPulledAt: number | undefined;
      readonly isExpanded: boolean;
    })
  | (RowBase & {
      readonly kind: 'repository';
      readonly repository: RepositoryRow;
      readonly label: string;
      readonly isExpanded: boolean;
    })
  | (RowBase & { readonly kind: 'tag'; readonly repository: string; readonly tag: TagRow })
  | (RowBase & {
      readonly kind: 'group';
      readonly repository: string;
      readonly title: string;
      readonly count: number;
      readonly bytes: number;
      readonly isExpanded: boolean;
    })
  | (RowBase & { readonly kind: 'manifest'; readonly repository: string; readonly manifest: ManifestRow })
  | (RowBase & {
      readonly kind: 'remark';
      readonly text: string;
      /** The empty repository it is said of, when it can be pushed to. */
      readonly pushTo?: string;
    });

/** Name under which pushed content stands. */
export const localName = 'Pushed to this mirror';

/** Rows for `repositories`; a registry is open unless toggled, everything else is folded unless toggled. */
export function cacheRows(
  repositories: readonly RepositoryRow[],
  toggled: ReadonlySet<string>,
  contents: ReadonlyMap<string, LoadedContent>,
): readonly CacheRow[] {
  const rows: CacheRow[] = [];
  for (const [name, members] of byRegistry(repositories)) {
    const key = `registry ${name}`;
    const isExpanded = !toggled.has(key);
    rows.push(registryRow(key, name, members, isExpanded));
    if (!isExpanded) continue;
    for (const repository of members) rows.push(...repositoryRows(repository, toggled, contents));
  }
  return rows;
}

/** Names of repositories whose content has to be loaded. */
export function unfoldedRepositories(
  repositories: readonly RepositoryRow[],
  toggled: ReadonlySet<string>,
): readonly string[] {
  return repositories.map((one) => one.name).filter((name) => toggled.has(repositoryKey(name)));
}

/** Key of a repository's row. */
export function repositoryKey(name: string): string {
  return `repository ${name}`;
}

/** Groups keep the order in which their first repository comes. */
function byRegistry(repositories: readonly RepositoryRow[]): ReadonlyMap<string, readonly RepositoryRow[]> {
  const groups = new Map<string, RepositoryRow[]>();
  for (const repository of repositories) {
    const name = repository.upstream ?? localName;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [repository]);
    else group.push(repository);
  }
  return groups;
}

function registryRow(key: string, name: string, members: readonly RepositoryRow[], isExpanded: boolean): CacheRow {
  const pulled = members.flatMap((one) => (one.lastPulledAt === undefined ? [] : [one.lastPulledAt]));
  return {
    kind: 'registry',
    key,
    level: 0,
    name,
    repositories: members.length,
    bytes: members.reduce((sum, one) => sum + one.bytes, 0),
    uniqueBytes: members.reduce((sum, one) => sum + one.uniqueBytes, 0),
    lastPulledAt: pulled.length === 0 ? undefined : Math.max(...pulled),
    isExpanded,
  };
}

function repositoryRows(
  repository: RepositoryRow,
  toggled: ReadonlySet<string>,
  contents: ReadonlyMap<string, LoadedContent>,
): readonly CacheRow[] {
  const key = repositoryKey(repository.name);
  const isExpanded = toggled.has(key);
  const label = labelOf(repository);
  const own: CacheRow = { kind: 'repository', key, level: 1, repository, label, isExpanded };
  if (!isExpanded) return [own];
  return [own, ...contentRows(repository.name, contents.get(repository.name), toggled)];
}

/** Under its registry the host need not be said again. */
function labelOf(repository: RepositoryRow): string {
  const prefix = repository.upstream === undefined ? undefined : `${repository.upstream}/`;
  return prefix !== undefined && repository.name.startsWith(prefix)
    ? repository.name.slice(prefix.length)
    : repository.name;
}

function contentRows(
  name: string,
  loaded: LoadedContent | undefined,
  toggled: ReadonlySet<string>,
): readonly CacheRow[] {
  const content = loaded?.data;
  if (content === undefined) {
    const text =
      loaded?.error === null || loaded?.error === undefined ? 'Reading…' : 'This repository could not be read.';
    return [{ kind: 'remark', key: `remark ${name}`, level: 2, text }];
  }
  const rows: CacheRow[] = content.tags.map((tag) => ({
    kind: 'tag',
    key: `tag ${name}:${tag.tag}`,
    level: 2,
    repository: name,
    tag,
  }));
  rows.push(...groupRows(name, 'Untagged', content.untagged, toggled));
  rows.push(...groupRows(name, 'Artifacts', content.artifacts, toggled));
  if (rows.length === 0) rows.push(emptyRow(name, content.repository.upstream === undefined));
  return rows;
}

function emptyRow(name: string, isOwn: boolean): CacheRow {
  const row = { kind: 'remark', key: `remark ${name}`, level: 2 } as const;
  return isOwn
    ? { ...row, text: 'Empty. Enter shows how to push to it.', pushTo: name }
    : { ...row, text: 'Nothing is held here.' };
}

function groupRows(
  repository: string,
  title: string,
  manifests: readonly ManifestRow[],
  toggled: ReadonlySet<string>,
): readonly CacheRow[] {
  if (manifests.length === 0) return [];
  const key = `group ${title} ${repository}`;
  const isExpanded = toggled.has(key);
  const bytes = manifests.reduce((sum, one) => sum + one.bytes, 0);
  const group: CacheRow = {
    kind: 'group',
    key,
    level: 2,
    repository,
    title,
    count: manifests.length,
    bytes,
    isExpanded,
  };
  if (!isExpanded) return [group];
  return [
    group,
    ...manifests.map((manifest): CacheRow => ({
      kind: 'manifest',
      key: `manifest ${title} ${repository}@${manifest.digest}`,
      level: 3,
      repository,
      manifest,
    })),
  ];
}

/** Whether a row is unfolded; undefined when it has nothing to unfold. */
export function isExpanded(row: CacheRow): boolean | undefined {
  return row.kind === 'registry' || row.kind === 'repository' || row.kind === 'group' ? row.isExpanded : undefined;
}

export interface CacheTarget {
  readonly repository: string;
  /** Tag or digest; absent for the whole repository. */
  readonly reference?: string;
}

/** What a row stands for in the API; undefined for rows that are only headings. */
export function targetOf(row: CacheRow): CacheTarget | undefined {
  if (row.kind === 'repository') return { repository: row.repository.name };
  if (row.kind === 'tag') return { repository: row.repository, reference: row.tag.tag };
  if (row.kind === 'manifest') return { repository: row.repository, reference: row.manifest.digest };
  return undefined;
}

/** Targets without those that another target already contains. */
export function outermostTargets(targets: readonly CacheTarget[]): readonly CacheTarget[] {
  const whole = new Set(targets.filter((one) => one.reference === undefined).map((one) => one.repository));
  return targets.filter((one) => one.reference === undefined || !whole.has(one.repository));
}

/** A target as a person writes it. */
export function targetName({ repository, reference }: CacheTarget): string {
  if (reference === undefined) return repository;
  return reference.includes(':') ? `${repository}@${reference}` : `${repository}:${reference}`;
}

/** True when the text is a digest, or the start of one. */
export function isDigestText(text: string): boolean {
  return /^sha(?:256|512):[0-9a-f]{6,128}$/.test(text.trim());
}
