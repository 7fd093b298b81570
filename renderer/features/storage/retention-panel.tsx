import { useState } from 'react';
import { Button } from '@mantine/core';
import { IconFilter } from '@tabler/icons-react';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { useApplyRetention, useRetention, useRetentionPreview } from '../../api/queries.ts';
import type { RetentionRules } from '../../api/queries.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { Section } from '../../components/page.tsx';
import { sayDone } from '../../components/say-done.ts';
import { formatBytes, formatPlural } from '../../format.ts';
import { RetentionEditor } from './retention-editor.tsx';
import { formsOf } from './retention-form.ts';
import { RetentionResult } from './retention-preview.tsx';
import styles from './retention.module.css';

type View = RouteResponse<'getRetention'>;

/** Which tags stay: the rules in words, changed here unless the settings file gives them, and applied on demand. */
export function RetentionPanel() {
  const { data, error, refetch } = useRetention();
  const [isEditing, setIsEditing] = useState(false);
  const [isAsking, setIsAsking] = useState(false);
  const hasRules = data !== undefined && data.sentences.length > 0;
  return (
    <Section
      title="Retention rules"
      aside={
        data === undefined || isEditing ? null : (
          <div className="row">
            {hasRules ? (
              <Button
                size="compact-sm"
                variant="default"
                onClick={() => {
                  setIsAsking(true);
                }}
              >
                Apply now…
              </Button>
            ) : null}
            {hasRules && !data.locked ? (
              <Button
                size="compact-sm"
                variant="default"
                onClick={() => {
                  setIsEditing(true);
                }}
              >
                Change rules
              </Button>
            ) : null}
          </div>
        )
      }
    >
      <div className="panel panel-body stack">
        {data === undefined ? (
          error === null ? (
            <LoadingState label="Reading the retention rules" lines={2} />
          ) : (
            <ErrorState title="The retention rules could not be read" error={error} onRetry={() => void refetch()} />
          )
        ) : isEditing ? (
          <RetentionEditor
            initial={formsOf(data.rules)}
            onClose={() => {
              setIsEditing(false);
            }}
          />
        ) : (
          <Rules
            view={data}
            onAdd={() => {
              setIsEditing(true);
            }}
          />
        )}
      </div>
      {isAsking && data !== undefined ? (
        <ApplyDialog
          rules={data.rules as RetentionRules}
          onClose={() => {
            setIsAsking(false);
          }}
        />
      ) : null}
    </Section>
  );
}

function Rules({ view, onAdd }: { readonly view: View; readonly onAdd: () => void }) {
  const note = view.locked ? (
    <Note tone="info">The settings file gives these rules, so they are changed there and not in this window.</Note>
  ) : null;
  if (view.sentences.length === 0) {
    return (
      <>
        {note}
        <EmptyState
          icon={<IconFilter size={22} />}
          title="No rules: every tag stays"
          actions={view.locked ? undefined : <Button onClick={onAdd}>Add a rule</Button>}
        >
          Rules say which tags of which repositories stay, such as the newest ten or what was pulled within a month.
        </EmptyState>
      </>
    );
  }
  return (
    <>
      {note}
      <ol className={styles['sentences']}>
        {view.sentences.map((sentence, position) => (
          <li key={position}>{sentence}</li>
        ))}
      </ol>
      <p className="muted small">
        The first rule that names a repository and a tag decides. They are applied before each garbage collection; what
        goes can be undone for as long as earlier content is kept.
      </p>
    </>
  );
}

interface ApplyDialogProps {
  readonly rules: RetentionRules;
  readonly onClose: () => void;
}

function ApplyDialog({ rules, onClose }: ApplyDialogProps) {
  const preview = useRetentionPreview(rules);
  const applying = useApplyRetention();
  const count = preview.data?.itemsTotal ?? 0;
  return (
    <ConfirmDialog
      opened
      title="Apply the retention rules now?"
      confirm={`Remove ${formatPlural(count, 'item', 'items')}`}
      danger
      busy={applying.isPending}
      disabled={preview.isFetching || count === 0}
      error={applying.error}
      onClose={onClose}
      onConfirm={() => {
        applying.mutate(
          { body: {} },
          {
            onSuccess: ({ itemsTotal, freedBytes }) => {
              sayDone(
                'Retention rules applied',
                `${formatPlural(itemsTotal, 'item', 'items')} removed; ${formatBytes(freedBytes)} become free when it can no longer be undone.`,
              );
              onClose();
            },
          },
        );
      }}
    >
      <ErrorNote error={preview.error} />
      {preview.data === undefined ? (
        preview.error === null ? (
          <p role="status">Working out what would go…</p>
        ) : null
      ) : (
        <RetentionResult result={preview.data} />
      )}
    </ConfirmDialog>
  );
}
