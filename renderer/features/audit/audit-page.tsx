import { useState } from 'react';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconHistory, IconSearch } from '@tabler/icons-react';
import { useAudit } from '../../api/queries.ts';
import type { AuditFilter } from '../../api/queries.ts';
import { DataTable } from '../../components/data-table.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { Page } from '../../components/page.tsx';
import { outcomeLooks, outcomeNames } from '../../components/states.tsx';
import { formatCount } from '../../format.ts';
import { RequestDrawer } from '../dashboard/request-drawer.tsx';
import { auditColumns } from './audit-columns.tsx';
import type { AuditRow } from './audit-columns.tsx';
import { eventNames } from '../../components/event-names.ts';
import styles from './audit.module.css';

const searchDelayMs = 250;

/** Every recorded request and change, newest first, searchable. */
export function AuditPage() {
  const [text, setText] = useState('');
  const [outcome, setOutcome] = useState('');
  const [event, setEvent] = useState('');
  const [asked] = useDebouncedValue(text.trim(), searchDelayMs);
  const filter: AuditFilter = {
    ...(/^sha(?:256|512):[0-9a-f]+$/.test(asked) ? { digest: asked } : { text: asked }),
    ...(outcome === '' ? {} : { outcome: outcome as NonNullable<AuditFilter['outcome']> }),
    ...(event === '' ? {} : { event }),
  };
  return (
    <Page title="Audit" intro="Who pulled what, when, and how it ended; changes of the mirror too.">
      <div className={styles['tools']} role="search">
        <TextInput
          label="Search"
          placeholder="Artifact, client, user, or sha256:…"
          w={300}
          maw="100%"
          spellCheck={false}
          leftSection={<IconSearch size={15} />}
          value={text}
          onChange={(change) => {
            setText(change.currentTarget.value);
          }}
        />
        <NativeSelect
          label="Outcome"
          value={outcome}
          data={[
            { value: '', label: 'All outcomes' },
            ...outcomeNames.map((name) => ({ value: name, label: outcomeLooks[name].word })),
          ]}
          onChange={(change) => {
            setOutcome(change.currentTarget.value);
          }}
        />
        <NativeSelect
          label="Event"
          value={event}
          data={[
            { value: '', label: 'All events' },
            ...Object.entries(eventNames).map(([value, label]) => ({ value, label })),
          ]}
          onChange={(change) => {
            setEvent(change.currentTarget.value);
          }}
        />
      </div>
      <AuditList filter={filter} isFiltered={asked !== '' || outcome !== '' || event !== ''} />
    </Page>
  );
}

function AuditList({ filter, isFiltered }: { readonly filter: AuditFilter; readonly isFiltered: boolean }) {
  const audit = useAudit(filter);
  const [opened, setOpened] = useState<AuditRow | undefined>(undefined);
  const rows = audit.data?.pages.flatMap((page) => page.rows) ?? [];
  if (audit.isPending)
    return (
      <div className="panel">
        <LoadingState label="Reading the audit" lines={7} />
      </div>
    );
  if (audit.isError && audit.data === undefined) {
    return (
      <div className="panel">
        <ErrorState title="The audit could not be read" error={audit.error} onRetry={() => void audit.refetch()} />
      </div>
    );
  }
  if (rows.length === 0) {
    return (
      <div className="panel">
        <EmptyState
          icon={<IconHistory size={22} />}
          title={isFiltered ? 'Nothing recorded matches' : 'Nothing is recorded yet'}
        >
          {isFiltered ? 'Try fewer words or another outcome.' : 'Every pull through this mirror is written down here.'}
        </EmptyState>
      </div>
    );
  }
  return (
    <>
      <div className="panel">
        <DataTable
          label="Audit"
          rows={rows}
          columns={auditColumns}
          rowKey={(row) => String(row.row)}
          rowHeight={34}
          maxHeight="max(320px, calc(100vh - 310px))"
          onOpen={setOpened}
        />
      </div>
      <div className="row" role="status">
        <span className="muted small">
          {formatCount(rows.length)} rows shown{audit.hasNextPage ? ', there are older ones' : ', these are all'}
        </span>
        {audit.hasNextPage ? (
          <Button
            variant="default"
            size="compact-sm"
            loading={audit.isFetchingNextPage}
            onClick={() => void audit.fetchNextPage()}
          >
            Show older
          </Button>
        ) : null}
        <Button variant="subtle" size="compact-sm" loading={audit.isRefetching} onClick={() => void audit.refetch()}>
          Look for newer
        </Button>
      </div>
      <RequestDrawer
        row={opened}
        onClose={() => {
          setOpened(undefined);
        }}
      />
    </>
  );
}
