import { useMemo, useState } from 'react';
import { Button, NativeSelect, SegmentedControl, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconPlus, IconSearch, IconStack2 } from '@tabler/icons-react';
import { useSearchParams } from 'react-router';
import { useRepositories, useRepositoryContents, useStatus, useUpstreams } from '../../api/queries.ts';
import type { RepositoryFilter } from '../../api/queries.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Command } from '../../components/command.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { Page } from '../../components/page.tsx';
import { formatBytes, formatCount } from '../../format.ts';
import { cacheColumns } from './cache-columns.tsx';
import { CreateRepository } from './create-repository.tsx';
import { DeletedView } from './deleted-view.tsx';
import { DigestAnswer } from './digest-answer.tsx';
import { ManifestDrawer } from './manifest-drawer.tsx';
import { PushDialog } from './push-dialog.tsx';
import { SelectionBar } from './selection-bar.tsx';
import { cacheRows, isDigestText, isExpanded, outermostTargets, targetOf, unfoldedRepositories } from './cache-tree.ts';
import type { CacheRow, CacheTarget, LoadedContent } from './cache-tree.ts';
import styles from './cache.module.css';

const searchDelayMs = 250;

/** Everything that is held: registry, repository, tag, untagged, artifacts. */
export function CachePage() {
  const [search] = useSearchParams();
  const [text, setText] = useState(search.get('text') ?? '');
  const [upstream, setUpstream] = useState('');
  const [sort, setSort] = useState<NonNullable<RepositoryFilter['sort']>>('name');
  const [asked] = useDebouncedValue(text.trim(), searchDelayMs);
  const filter: RepositoryFilter = { text: asked, sort, ...(upstream === '' ? {} : { upstream }) };
  const status = useStatus();
  const isDeletedShown = search.get('view') === 'deleted';
  return (
    <Page
      title="Cache"
      actions={<Actions isDeletedShown={isDeletedShown} />}
      intro={
        status.data === undefined
          ? 'Everything this mirror holds.'
          : `${formatBytes(status.data.disk.contentBytes)} on disk. Content that several repositories use is stored once.`
      }
    >
      {isDeletedShown ? (
        <DeletedView />
      ) : (
        <>
          <Tools
            text={text}
            onText={setText}
            upstream={upstream}
            onUpstream={setUpstream}
            sort={sort}
            onSort={setSort}
          />
          {isDigestText(asked) ? <DigestAnswer digest={asked} filter={filter} /> : null}
          <CacheTree
            filter={filter}
            onClear={() => {
              setText('');
              setUpstream('');
            }}
          />
        </>
      )}
      <ManifestDrawer />
      <PushDialog />
    </Page>
  );
}

function Actions({ isDeletedShown }: { readonly isDeletedShown: boolean }) {
  const [, setSearch] = useSearchParams();
  const [isCreating, setIsCreating] = useState(false);
  return (
    <>
      <SegmentedControl
        aria-label="What is shown"
        value={isDeletedShown ? 'deleted' : 'held'}
        data={[
          { value: 'held', label: 'Held' },
          { value: 'deleted', label: 'Deleted' },
        ]}
        onChange={(view) => {
          setSearch(view === 'deleted' ? { view } : {});
        }}
      />
      <Button
        variant="default"
        leftSection={<IconPlus size={16} />}
        onClick={() => {
          setIsCreating(true);
        }}
      >
        Create repository
      </Button>
      {isCreating ? (
        <CreateRepository
          onClose={() => {
            setIsCreating(false);
          }}
          onCreated={(repository) => {
            setIsCreating(false);
            setSearch({ push: repository });
          }}
        />
      ) : null}
    </>
  );
}

interface ToolsProps {
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly upstream: string;
  readonly onUpstream: (upstream: string) => void;
  readonly sort: NonNullable<RepositoryFilter['sort']>;
  readonly onSort: (sort: NonNullable<RepositoryFilter['sort']>) => void;
}

function Tools({ text, onText, upstream, onUpstream, sort, onSort }: ToolsProps) {
  const { data } = useUpstreams();
  return (
    <div className={styles['tools']} role="search">
      <TextInput
        label="Search"
        placeholder="Repository, or sha256:…"
        w={280}
        maw="100%"
        spellCheck={false}
        leftSection={<IconSearch size={15} />}
        value={text}
        onChange={(event) => {
          onText(event.currentTarget.value);
        }}
      />
      <NativeSelect
        label="Registry"
        value={upstream}
        data={[
          { value: '', label: 'All registries' },
          ...(data?.upstreams ?? []).map(({ name }) => ({ value: name, label: name })),
          { value: 'local', label: 'Pushed to this mirror' },
        ]}
        onChange={(event) => {
          onUpstream(event.currentTarget.value);
        }}
      />
      <NativeSelect
        label="Order"
        value={sort}
        data={[
          { value: 'name', label: 'By name' },
          { value: 'bytes', label: 'Largest first' },
          { value: 'lastPulled', label: 'Last pulled first' },
        ]}
        onChange={(event) => {
          onSort(event.currentTarget.value as ToolsProps['sort']);
        }}
      />
    </div>
  );
}

function isOpenable(row: CacheRow): boolean {
  return row.kind === 'tag' || row.kind === 'manifest' || (row.kind === 'remark' && row.pushTo !== undefined);
}

const noKeys: ReadonlySet<string> = new Set();

function CacheTree({ filter, onClear }: { readonly filter: RepositoryFilter; readonly onClear: () => void }) {
  const listing = useRepositories(filter);
  const [toggled, setToggled] = useState(noKeys);
  const [selected, setSelected] = useState(noKeys);
  const [, setSearch] = useSearchParams();
  const repositories = useMemo(() => listing.data?.pages.flatMap((page) => page.repositories) ?? [], [listing.data]);
  const names = useMemo(() => unfoldedRepositories(repositories, toggled), [repositories, toggled]);
  const contents = useRepositoryContents(names);
  const rows = useMemo(() => cacheRows(repositories, toggled, known(contents)), [repositories, toggled, contents]);
  const total = listing.data?.pages[0]?.total ?? 0;
  const toggle = (row: CacheRow): void => {
    const next = new Set(toggled);
    if (!next.delete(row.key)) next.add(row.key);
    setToggled(next);
  };
  const open = (row: CacheRow): void => {
    const target = targetOf(row);
    if (row.kind === 'remark' && row.pushTo !== undefined) setSearch({ push: row.pushTo });
    if (target?.reference !== undefined) setSearch({ repository: target.repository, reference: target.reference });
  };
  if (listing.isPending || (listing.isError && listing.data === undefined) || total === 0) {
    return (
      <TreeState listing={listing} isFiltered={filter.text !== '' || filter.upstream !== undefined} onClear={onClear} />
    );
  }
  return (
    <>
      <SelectionBar
        targets={selectedTargets(rows, selected)}
        pushTo={pushTarget(rows, selected)}
        onDone={() => {
          setSelected(noKeys);
        }}
      />
      <div className="panel">
        <DataTable
          label="Cache"
          rows={rows}
          columns={cacheColumns}
          rowKey={(row) => row.key}
          rowHeight={36}
          maxHeight="max(320px, calc(100vh - 330px))"
          onOpen={open}
          isOpenable={isOpenable}
          isGroup={(row) => row.kind === 'registry'}
          tree={{ level: (row) => row.level, isExpanded, toggle }}
          selection={{ keys: selected, isSelectable: (row) => targetOf(row) !== undefined, onChange: setSelected }}
        />
      </div>
      <MoreRepositories listing={listing} shown={repositories.length} total={total} />
    </>
  );
}

function known(contents: ReturnType<typeof useRepositoryContents>): ReadonlyMap<string, LoadedContent> {
  return new Map([...contents].map(([name, result]) => [name, { data: result?.data, error: result?.error }]));
}

function selectedTargets(rows: readonly CacheRow[], keys: ReadonlySet<string>): readonly CacheTarget[] {
  const targets = rows.flatMap((row) => {
    const target = keys.has(row.key) ? targetOf(row) : undefined;
    return target === undefined ? [] : [target];
  });
  return outermostTargets(targets);
}

/** The one repository that is selected, when it is this mirror's own. */
function pushTarget(rows: readonly CacheRow[], keys: ReadonlySet<string>): string | undefined {
  const [row, ...others] = rows.filter(({ key }) => keys.has(key));
  if (row?.kind !== 'repository' || others.length > 0 || row.repository.upstream !== undefined) return undefined;
  return row.repository.name;
}

type Listing = ReturnType<typeof useRepositories>;

interface TreeStateProps {
  readonly listing: Listing;
  readonly isFiltered: boolean;
  readonly onClear: () => void;
}

function TreeState({ listing, isFiltered, onClear }: TreeStateProps) {
  return (
    <div className="panel">
      {listing.isPending ? (
        <LoadingState label="Reading the cache" lines={7} />
      ) : listing.isError ? (
        <ErrorState title="The cache could not be read" error={listing.error} onRetry={() => void listing.refetch()} />
      ) : isFiltered ? (
        <EmptyState
          title="Nothing held matches"
          actions={
            <Button variant="default" size="compact-sm" onClick={onClear}>
              Clear the search
            </Button>
          }
        >
          Repositories are found by any part of their name, content by its whole digest.
        </EmptyState>
      ) : (
        <NothingYet />
      )}
    </div>
  );
}

function NothingYet() {
  const { data } = useStatus();
  return (
    <EmptyState
      icon={<IconStack2 size={22} />}
      title="The cache is empty"
      actions={data === undefined ? undefined : <Command text={data.pullExample} what="pull command" />}
    >
      What clients pull through this mirror appears here at once. Try it:
    </EmptyState>
  );
}

function MoreRepositories({
  listing,
  shown,
  total,
}: {
  readonly listing: Listing;
  readonly shown: number;
  readonly total: number;
}) {
  return (
    <div className="row" role="status">
      <span className="muted small">
        {shown >= total
          ? `${formatCount(total)} repositories`
          : `${formatCount(shown)} of ${formatCount(total)} repositories`}
      </span>
      {listing.hasNextPage ? (
        <Button
          variant="default"
          size="compact-sm"
          loading={listing.isFetchingNextPage}
          onClick={() => void listing.fetchNextPage()}
        >
          Show more
        </Button>
      ) : null}
    </div>
  );
}
