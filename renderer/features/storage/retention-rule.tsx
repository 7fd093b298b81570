import { ActionIcon, Checkbox, TextInput } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconTrash } from '@tabler/icons-react';
import { errorKey } from './retention-form.ts';
import type { RuleErrors, RuleField, RuleForm } from './retention-form.ts';
import styles from './retention.module.css';

interface RuleEditorProps {
  readonly form: RuleForm;
  readonly position: number;
  readonly count: number;
  readonly errors: RuleErrors;
  readonly onChange: (form: RuleForm) => void;
  readonly onMove: (by: 1 | -1) => void;
  readonly onRemove: () => void;
}

/** One retention rule as fields: what it is about, which tags stay, and what becomes of manifests without a tag. */
export function RuleEditor(props: RuleEditorProps) {
  const { form, position, onChange } = props;
  const number = position + 1;
  return (
    <fieldset className={styles['rule']}>
      <legend className="visually-hidden">Rule {number}</legend>
      <div className={styles['ruleHead']}>
        <strong aria-hidden="true">Rule {number}</strong>
        <RuleButtons {...props} />
      </div>
      <div className={styles['fields']}>
        <Field
          {...props}
          field="repositories"
          label="Repositories"
          hint="Patterns: ** is everything, team/** all below team"
        />
        <Field {...props} field="tags" label="Tags" hint="Patterns, such as v* or nightly-*" />
      </div>
      <Checkbox
        label="Let tags go that none of these conditions keeps"
        description="Off: every tag of this rule stays."
        checked={form.hasConditions}
        onChange={(event) => {
          onChange({ ...form, hasConditions: event.currentTarget.checked });
        }}
      />
      {form.hasConditions ? <Conditions {...props} /> : null}
      <div className={styles['single']}>
        <Field
          {...props}
          field="untagged"
          label="Manifests without a tag go after"
          hint="Not used for this long, such as 7d. Empty: they stay"
        />
      </div>
    </fieldset>
  );
}

function Conditions(props: RuleEditorProps) {
  return (
    <div className={styles['conditions']}>
      <Field {...props} field="newest" label="The newest" hint="How many" />
      <Field {...props} field="semver" label="Versions in" hint="Such as >=2.0.0 <3" />
      <Field {...props} field="pulledWithin" label="Pulled within" hint="Such as 30d" />
      <Field {...props} field="pushedWithin" label="Pushed or fetched within" hint="Such as 7d" />
    </div>
  );
}

interface FieldProps extends RuleEditorProps {
  readonly field: RuleField;
  readonly label: string;
  readonly hint: string;
}

function Field({ form, position, errors, onChange, field, label, hint }: FieldProps) {
  return (
    <TextInput
      label={label}
      description={hint}
      value={form[field]}
      error={errors.get(errorKey(position, field))}
      inputMode={field === 'newest' ? 'numeric' : 'text'}
      spellCheck={false}
      onChange={(event) => {
        onChange({ ...form, [field]: event.currentTarget.value });
      }}
    />
  );
}

function RuleButtons({ position, count, onMove, onRemove }: RuleEditorProps) {
  const noun = `rule ${String(position + 1)}`;
  const look = { variant: 'subtle', color: 'gray', size: 34 } as const;
  return (
    <div className="row">
      <ActionIcon
        {...look}
        disabled={position === 0}
        aria-label={`Move ${noun} up`}
        onClick={() => {
          onMove(-1);
        }}
      >
        <IconArrowUp size={16} />
      </ActionIcon>
      <ActionIcon
        {...look}
        disabled={position === count - 1}
        aria-label={`Move ${noun} down`}
        onClick={() => {
          onMove(1);
        }}
      >
        <IconArrowDown size={16} />
      </ActionIcon>
      <ActionIcon {...look} aria-label={`Remove ${noun}`} onClick={onRemove}>
        <IconTrash size={16} />
      </ActionIcon>
    </div>
  );
}
