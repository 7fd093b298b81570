import { useState } from 'react';
import { Button } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { usePolicyLint, useSetPolicy } from '../../api/queries.ts';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { Section } from '../../components/page.tsx';
import { sayDone } from '../../components/say-done.ts';
import { formatPlural } from '../../format.ts';
import { LineEditor } from './line-editor.tsx';
import { ReplayPanel } from './replay-panel.tsx';
import { Remarks, RuleList } from './rule-list.tsx';
import { examplePolicy } from './example-policy.ts';

type View = RouteResponse<'getPolicy'>;

/** Typing pauses this long before the text is checked. */
const lintAfterMs = 250;

interface PolicyEditorProps {
  readonly view: View;
  /** Told of the text that differs from what holds and has no problems; undefined when there is none. */
  readonly onDraft: (text: string | undefined) => void;
}

/** The policy's text: checked while it is typed, tried before it is saved; only shown when a file gives it. */
export function PolicyEditor({ view, onDraft }: PolicyEditorProps) {
  const [text, setText] = useState(view.text);
  const [base, setBase] = useState({ text: view.text, version: view.version });
  const [checked] = useDebouncedValue(text, lintAfterMs);
  const lint = usePolicyLint(checked);
  const saving = useSetPolicy();
  const isLocked = view.source === 'file';
  const isChanged = text !== base.text;
  const isSound = checked === text && lint.data?.problems.length === 0;
  const change = (next: string): void => {
    setText(next);
    onDraft(next === base.text ? undefined : next);
  };
  const save = (): void => {
    saving.mutate(
      { body: { text, base: base.version } },
      {
        onSuccess: (saved) => {
          setBase({ text: saved.text, version: saved.version });
          onDraft(undefined);
          sayDone('Policy saved', `It holds from now on, with ${formatPlural(saved.rules.length, 'rule', 'rules')}.`);
        },
      },
    );
  };
  return (
    <Section
      title="Policy as text"
      aside={
        isLocked || text.trim() !== '' ? null : (
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => {
              change(examplePolicy);
            }}
          >
            Insert an example
          </Button>
        )
      }
    >
      <div className="panel panel-body stack">
        {isLocked ? (
          <Note tone="info">
            The file <code>{view.file}</code> gives this policy, so it is changed there and not in this window. It is
            read again when it changes.
          </Note>
        ) : null}
        <LineEditor
          label="Policy (YAML)"
          value={text}
          readOnly={isLocked}
          marked={(lint.data?.problems ?? []).map(({ line }) => line)}
          onChange={change}
        />
        {/* what is wrong with a file is said on top of the page */}
        {isLocked ? null : <LintResult lint={lint.data} error={lint.error} isChanged={isChanged} />}
        {isLocked ? null : (
          <SaveRow
            error={saving.error}
            isSaving={saving.isPending}
            isChanged={isChanged}
            isSound={isSound}
            onSave={save}
            onDiscard={() => {
              change(base.text);
            }}
          />
        )}
      </div>
      <ReplayPanel text={isChanged ? text : undefined} disabled={isChanged && !isSound} />
    </Section>
  );
}

interface SaveRowProps {
  readonly error: Error | null;
  readonly isSaving: boolean;
  readonly isChanged: boolean;
  readonly isSound: boolean;
  readonly onSave: () => void;
  readonly onDiscard: () => void;
}

function SaveRow({ error, isSaving, isChanged, isSound, onSave, onDiscard }: SaveRowProps) {
  return (
    <>
      <ErrorNote error={error} />
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" disabled={!isChanged} onClick={onDiscard}>
          Discard changes
        </Button>
        <Button loading={isSaving} disabled={!isChanged || !isSound} onClick={onSave}>
          Save and enforce
        </Button>
      </div>
    </>
  );
}

interface LintResultProps {
  readonly lint: RouteResponse<'lintPolicy'> | undefined;
  readonly error: Error | null;
  readonly isChanged: boolean;
}

function LintResult({ lint, error, isChanged }: LintResultProps) {
  if (error !== null) return <ErrorNote error={error} />;
  return (
    <div className="stack-small" role="status">
      {lint === undefined ? (
        <p className="muted small">Checking the text…</p>
      ) : (
        <>
          {lint.problems.length === 0 ? null : (
            <Note tone="bad">
              <strong>
                {formatPlural(lint.problems.length, 'problem', 'problems')}: it cannot be saved like this.
              </strong>
              <Remarks remarks={lint.problems} />
            </Note>
          )}
          {lint.warnings.length === 0 ? null : (
            <Note tone="warn">
              <strong>{formatPlural(lint.warnings.length, 'warning', 'warnings')}</strong>
              <Remarks remarks={lint.warnings} />
            </Note>
          )}
          {lint.problems.length > 0 || !isChanged ? null : (
            <details>
              <summary>What this text says, {formatPlural(lint.rules.length, 'rule', 'rules')}</summary>
              <RuleList rules={lint.rules} />
            </details>
          )}
        </>
      )}
    </div>
  );
}
