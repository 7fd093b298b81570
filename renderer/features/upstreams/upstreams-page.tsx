import { useState } from 'react';
import { Button } from '@mantine/core';
import { IconFileImport, IconKey, IconPlus, IconServer2 } from '@tabler/icons-react';
import { useNavigate } from 'react-router';
import type { UpstreamView } from '../../../server/api/contract.ts';
import { useUpstreams } from '../../api/queries.ts';
import { EmptyState, ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { Note } from '../../components/error-note.tsx';
import { Page } from '../../components/page.tsx';
import { DockerImport } from './docker-import.tsx';
import { MatchTester } from './match-tester.tsx';
import { OrderedCards } from './ordered-cards.tsx';

/** More upstreams than this get a filter; a team rarely has so many. */
const manyUpstreams = 200;

/** All upstreams with their health, and the tester that says which of them a reference goes to. */
export function UpstreamsPage() {
  const { data, isPending, isError, error, refetch } = useUpstreams();
  return (
    <Page
      title="Upstreams"
      intro="Where this mirror pulls from. Clients write the name as first part of an image, or leave it out for the default."
      actions={<PageActions isLocked={data?.locked ?? true} />}
    >
      {data?.locked === true ? (
        <Note tone="info">
          The settings file lists the upstreams, so they are changed there and not in this window.
        </Note>
      ) : null}
      {isPending ? (
        <div className="panel">
          <LoadingState label="Reading the upstreams" />
        </div>
      ) : isError ? (
        <div className="panel">
          <ErrorState title="The upstreams could not be read" error={error} onRetry={() => void refetch()} />
        </div>
      ) : (
        <UpstreamList upstreams={data.upstreams} isLocked={data.locked} />
      )}
      <MatchTester />
    </Page>
  );
}

function PageActions({ isLocked }: { readonly isLocked: boolean }) {
  const [isImporting, setIsImporting] = useState(false);
  const navigate = useNavigate();
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconKey size={16} />}
        disabled={isLocked}
        onClick={() => {
          setIsImporting(true);
        }}
      >
        Import Docker logins
      </Button>
      <Button
        variant="default"
        leftSection={<IconFileImport size={16} />}
        onClick={() => void navigate('/upstreams/import-zot')}
      >
        Import from zot
      </Button>
      <Button leftSection={<IconPlus size={16} />} disabled={isLocked} onClick={() => void navigate('/upstreams/add')}>
        Add upstream
      </Button>
      <DockerImport
        opened={isImporting}
        onClose={() => {
          setIsImporting(false);
        }}
      />
    </>
  );
}

interface UpstreamListProps {
  readonly upstreams: readonly UpstreamView[];
  readonly isLocked: boolean;
}

function UpstreamList({ upstreams, isLocked }: UpstreamListProps) {
  const navigate = useNavigate();
  if (upstreams.length === 0) {
    return (
      <div className="panel">
        <EmptyState
          icon={<IconServer2 size={22} />}
          title="No upstream yet"
          actions={<Button onClick={() => void navigate('/upstreams/add')}>Add an upstream</Button>}
        >
          Without an upstream the mirror serves only what it already holds.
        </EmptyState>
      </div>
    );
  }
  const sorted = [...upstreams].sort((a, b) => a.position - b.position);
  return (
    <>
      <OrderedCards upstreams={sorted} shown={manyUpstreams} isLocked={isLocked} />
      {upstreams.length <= manyUpstreams ? null : (
        <Note tone="info">
          {upstreams.length} upstreams are set up; the first {manyUpstreams} are shown.
        </Note>
      )}
    </>
  );
}
