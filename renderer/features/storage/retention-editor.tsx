import { useMemo, useState } from 'react';
import { Button } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useRetentionPreview, useSetRetention } from '../../api/queries.ts';
import type { RetentionRules } from '../../api/queries.ts';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { sayDone } from '../../components/say-done.ts';
import { formatPlural } from '../../format.ts';
import { moveItem } from '../upstreams/ordered.ts';
import { newRule, readForms } from './retention-form.ts';
import type { RuleErrors, RuleForm } from './retention-form.ts';
import { RetentionResult } from './retention-preview.tsx';
import { RuleEditor } from './retention-rule.tsx';
import styles from './retention.module.css';

/** Typing pauses this long before the preview is asked for. */
const previewAfterMs = 400;
const noErrors: RuleErrors = new Map();

interface EditorProps {
  readonly initial: readonly RuleForm[];
  readonly onClose: () => void;
}

/** Changes the rules; shows what they would remove before they are saved. */
export function RetentionEditor({ initial, onClose }: EditorProps) {
  const [forms, setForms] = useState<readonly RuleForm[]>(initial.length === 0 ? [newRule(0)] : initial);
  const read = useMemo(() => readForms(forms), [forms]);
  const saving = useSetRetention();
  const rules = 'rules' in read ? read.rules : undefined;
  const errors = 'errors' in read ? read.errors : noErrors;
  const save = (): void => {
    if (rules === undefined) return;
    saving.mutate(
      { body: { rules } },
      {
        onSuccess: () => {
          sayDone('Retention rules saved', 'They are applied before each garbage collection, and by “Apply now”.');
          onClose();
        },
      },
    );
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <RuleList forms={forms} errors={errors} onChange={setForms} />
      <Preview rules={rules} />
      <ErrorNote error={saving.error} />
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={saving.isPending} disabled={rules === undefined}>
          {forms.length === 0 ? 'Save without rules' : `Save ${formatPlural(forms.length, 'rule', 'rules')}`}
        </Button>
      </div>
    </form>
  );
}

interface RuleListProps {
  readonly forms: readonly RuleForm[];
  readonly errors: RuleErrors;
  readonly onChange: (forms: readonly RuleForm[]) => void;
}

function RuleList({ forms, errors, onChange }: RuleListProps) {
  const [said, setSaid] = useState('');
  const move = (from: number, by: 1 | -1): void => {
    onChange(moveItem(forms, from, from + by));
    setSaid(`Rule ${String(from + 1)} is now rule ${String(from + by + 1)} of ${String(forms.length)}`);
  };
  return (
    <>
      <p className="muted">
        The first rule that names a repository and a tag decides. What no rule names stays, and so does what is pinned.
      </p>
      <ol className={styles['rules']} aria-label="Retention rules">
        {forms.map((form, position) => (
          <li key={form.id}>
            <RuleEditor
              form={form}
              position={position}
              count={forms.length}
              errors={errors}
              onChange={(changed) => {
                onChange(forms.map((one) => (one.id === form.id ? changed : one)));
              }}
              onMove={(by) => {
                move(position, by);
              }}
              onRemove={() => {
                onChange(forms.filter((one) => one.id !== form.id));
              }}
            />
          </li>
        ))}
      </ol>
      <div>
        <Button
          variant="default"
          size="compact-sm"
          leftSection={<IconPlus size={14} />}
          onClick={() => {
            onChange([...forms, newRule(1 + Math.max(-1, ...forms.map(({ id }) => id)))]);
          }}
        >
          Add a rule
        </Button>
      </div>
      <span role="status" className="visually-hidden">
        {said}
      </span>
    </>
  );
}

function Preview({ rules }: { readonly rules: RetentionRules | undefined }) {
  const [asked] = useDebouncedValue(rules, previewAfterMs);
  const { data, error, isFetching } = useRetentionPreview(asked);
  return (
    <section className={styles['preview']} aria-label="What these rules would do now" aria-busy={isFetching}>
      <h3>What these rules would do now</h3>
      {rules === undefined ? (
        <Note tone="bad">A field needs correcting; then it is shown what would go.</Note>
      ) : error !== null ? (
        <ErrorNote error={error} />
      ) : data === undefined ? (
        <p role="status">Working out what would go…</p>
      ) : (
        <>
          <ol className={styles['sentences']}>
            {data.sentences.map((sentence, position) => (
              <li key={position}>{sentence}</li>
            ))}
          </ol>
          <RetentionResult result={data} />
        </>
      )}
    </section>
  );
}
