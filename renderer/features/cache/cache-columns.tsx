import { IconPinFilled } from '@tabler/icons-react';
import type { TagRow } from '../../../server/api/contract.ts';
import type { Column } from '../../components/data-table.types.ts';
import { StateBadge } from '../../components/state-badge.tsx';
import { TimeAgo } from '../../components/time-ago.tsx';
import { formatBytes, formatPlural, shortDigest } from '../../format.ts';
import type { CacheRow } from './cache-tree.ts';
import { kindNames } from './kinds.ts';
import styles from './cache.module.css';

/** Columns of the cache's tree. */
export const cacheColumns: readonly Column<CacheRow>[] = [
  { id: 'name', header: 'Name', track: 'minmax(200px, 1fr)', cell: (row) => <NameAndMarks row={row} /> },
  { id: 'unique', header: 'Unique', track: '84px', align: 'end', cell: (row) => <UniqueCell row={row} /> },
  {
    id: 'shared',
    header: 'Shared',
    track: '84px',
    align: 'end',
    fromWidth: 640,
    cell: (row) => <SharedCell row={row} />,
  },
  { id: 'platforms', header: 'Platforms', track: '84px', fromWidth: 760, cell: (row) => <PlatformCell row={row} /> },
  { id: 'pulled', header: 'Last pulled', track: '112px', fromWidth: 480, cell: (row) => <PulledCell row={row} /> },
  {
    id: 'by',
    header: 'By',
    track: '110px',
    fromWidth: 900,
    cell: (row) => (row.kind === 'tag' ? (row.tag.lastPulledBy ?? '') : ''),
  },
  { id: 'first', header: 'First seen', track: '104px', fromWidth: 1000, cell: (row) => <FirstSeenCell row={row} /> },
];

function NameAndMarks({ row }: { readonly row: CacheRow }) {
  return (
    <>
      <NameCell row={row} />
      <Marks row={row} />
    </>
  );
}

function NameCell({ row }: { readonly row: CacheRow }) {
  switch (row.kind) {
    case 'registry':
      return (
        <span className={styles['name']}>
          {row.name} <span className="muted small">{formatPlural(row.repositories, 'repository', 'repositories')}</span>
        </span>
      );
    case 'repository':
      return (
        <span className={styles['name']} title={row.repository.name}>
          {row.label} <span className="muted small">{formatPlural(row.repository.tags, 'tag', 'tags')}</span>
        </span>
      );
    case 'tag':
      return (
        <span className={styles['name']} title={row.tag.digest}>
          {row.tag.tag} <code className="muted">{shortDigest(row.tag.digest)}</code>
        </span>
      );
    case 'group':
      return (
        <span className={styles['name']}>
          {row.title} <span className="muted small">{formatPlural(row.count, 'manifest', 'manifests')}</span>
        </span>
      );
    case 'manifest':
      return (
        <span className={styles['name']} title={row.manifest.artifactType ?? row.manifest.mediaType}>
          <code>{shortDigest(row.manifest.digest)}</code>{' '}
          <span className="muted small">{row.manifest.artifactType ?? kindNames[row.manifest.kind]}</span>
        </span>
      );
    case 'remark':
      return <span className="muted">{row.text}</span>;
  }
}

function Marks({ row }: { readonly row: CacheRow }) {
  const isPinned =
    (row.kind === 'repository' && row.repository.pinned) ||
    (row.kind === 'tag' && row.tag.pinned) ||
    (row.kind === 'manifest' && row.manifest.pinned);
  return (
    <span className={styles['marks']}>
      {row.kind === 'tag' && row.tag.stale ? (
        <StateBadge
          shape="clock"
          tone="warn"
          plain
          title="The upstream gave no usable answer when this tag was last checked."
        >
          Stale
        </StateBadge>
      ) : null}
      {row.kind === 'tag' && row.tag.heldSince !== undefined ? (
        <StateBadge
          shape="pause"
          tone="fetched"
          plain
          title="A person rolled this tag back; its upstream does not move it until it is to follow again."
        >
          Rolled back
        </StateBadge>
      ) : null}
      {isPinned ? (
        <span className={styles['pin']}>
          <IconPinFilled size={13} aria-hidden="true" /> Pinned
        </span>
      ) : null}
    </span>
  );
}

function sizes(row: CacheRow): { readonly unique: number | undefined; readonly shared: number | undefined } {
  const of = (bytes: number, uniqueBytes: number) => ({
    unique: uniqueBytes,
    shared: Math.max(0, bytes - uniqueBytes),
  });
  if (row.kind === 'registry') return of(row.bytes, row.uniqueBytes);
  if (row.kind === 'repository') return of(row.repository.bytes, row.repository.uniqueBytes);
  if (row.kind === 'tag') return of(row.tag.bytes, row.tag.uniqueBytes);
  if (row.kind === 'group') return { unique: row.bytes, shared: undefined };
  if (row.kind === 'manifest') return { unique: row.manifest.bytes, shared: undefined };
  return { unique: undefined, shared: undefined };
}

function UniqueCell({ row }: { readonly row: CacheRow }) {
  const { unique } = sizes(row);
  return <>{unique === undefined ? '' : formatBytes(unique)}</>;
}

function SharedCell({ row }: { readonly row: CacheRow }) {
  const { shared } = sizes(row);
  return <span className="muted">{shared === undefined ? '' : formatBytes(shared)}</span>;
}

function PlatformCell({ row }: { readonly row: CacheRow }) {
  if (row.kind !== 'tag' || row.tag.platforms.length === 0) return null;
  return <span title={platformTitle(row.tag)}>{platformText(row.tag)}</span>;
}

/** `2 of 5`: held of known; the name where there is only one. */
function platformText({ platforms }: TagRow): string {
  const held = platforms.filter((one) => one.held).length;
  const only = platforms[0];
  return platforms.length === 1 && only !== undefined
    ? only.platform
    : `${String(held)} of ${String(platforms.length)}`;
}

function platformTitle({ platforms }: TagRow): string {
  return platforms.map((one) => `${one.platform}${one.held ? '' : ' (not held)'}`).join(', ');
}

function PulledCell({ row }: { readonly row: CacheRow }) {
  if (row.kind === 'registry') return row.lastPulledAt === undefined ? null : <TimeAgo at={row.lastPulledAt} />;
  if (row.kind === 'repository') return <TimeAgo at={row.repository.lastPulledAt} />;
  if (row.kind === 'tag') return <TimeAgo at={row.tag.lastPulledAt} />;
  if (row.kind === 'manifest') return <TimeAgo at={row.manifest.lastPulledAt} />;
  return null;
}

function FirstSeenCell({ row }: { readonly row: CacheRow }) {
  if (row.kind === 'repository') return <TimeAgo at={row.repository.firstSeenAt} />;
  if (row.kind === 'tag') return <TimeAgo at={row.tag.firstSeenAt} />;
  if (row.kind === 'manifest') return <TimeAgo at={row.manifest.firstSeenAt} />;
  return null;
}
