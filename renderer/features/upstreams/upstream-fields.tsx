import { Button, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { modes } from './modes.ts';
import { OrderedList } from './ordered-list.tsx';
import type { UpstreamFormState } from './use-upstream-form.ts';
import styles from './upstreams.module.css';

export interface FieldsProps {
  readonly form: UpstreamFormState;
}

/** Base URLs in the order in which they are tried. */
export function UrlFields({ form }: FieldsProps) {
  const { urls, name } = form.getValues();
  return (
    <fieldset className={styles['group']}>
      <legend>Base URLs</legend>
      <div className="stack-small">
        <p className="muted small">
          {urls.length === 0
            ? `None given: https://${name === '' ? 'the name' : name} is used. Add one for plain HTTP, another port, or a fallback.`
            : 'Tried from top to bottom: when one fails, the next is asked. Alt and the arrow keys move a line.'}
        </p>
        <OrderedList
          label="Base URLs"
          noun="URL"
          items={urls}
          onChange={(items) => {
            form.setFieldValue('urls', items);
          }}
          render={(_, index) => (
            <TextInput
              className={styles['grow'] ?? ''}
              aria-label={`URL ${String(index + 1)}`}
              placeholder="https://registry.example.com"
              {...form.getInputProps(`urls.${String(index)}`)}
            />
          )}
        />
        <div>
          <Button
            variant="default"
            size="compact-sm"
            leftSection={<IconPlus size={14} />}
            onClick={() => {
              form.setFieldValue('urls', [...urls, '']);
            }}
          >
            Add URL
          </Button>
        </div>
      </div>
    </fieldset>
  );
}

/** Check, Prefer cache or Offline, each explained. */
export function ModeFields({ form }: FieldsProps) {
  const { mode } = form.getValues();
  return (
    <fieldset className={styles['group']}>
      <legend>Mode</legend>
      <div className={styles['modes']}>
        {modes.map((one) => (
          <label key={one.value} className={styles['mode']}>
            <input
              type="radio"
              name="mode"
              value={one.value}
              checked={mode === one.value}
              onChange={() => {
                form.setFieldValue('mode', one.value);
              }}
            />
            <span>
              <strong>{one.title}</strong>
              <span className="muted small" style={{ display: 'block' }}>
                {one.about}
              </span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** How long tags stay fresh, in general and by pattern. */
export function FreshnessFields({ form }: FieldsProps) {
  const { tags } = form.getValues();
  return (
    <fieldset className={styles['group']}>
      <legend>Freshness</legend>
      <div className="stack-small">
        <div className={styles['two']}>
          <TextInput label="Tags stay fresh for" description="Such as 30s, 5m or 24h." {...form.getInputProps('ttl')} />
          <TextInput
            label="“Not found” is remembered for"
            description="Keeps typing errors from costing pulls."
            {...form.getInputProps('negativeTtl')}
          />
        </div>
        <strong>Tag rules</strong>
        <p className="muted small">
          The first rule whose pattern fits a tag decides; <code>immutable</code> is never asked for again. A pattern
          with a colon also looks at the repository: <code>library/*:v*</code>.
        </p>
        <OrderedList
          label="Tag rules"
          noun="rule"
          items={tags}
          onChange={(items) => {
            form.setFieldValue('tags', items);
          }}
          render={(_, index) => <RuleFields form={form} index={index} />}
        />
        <div>
          <Button
            variant="default"
            size="compact-sm"
            leftSection={<IconPlus size={14} />}
            onClick={() => {
              form.setFieldValue('tags', [...tags, { pattern: '', ttl: 'immutable' }]);
            }}
          >
            Add tag rule
          </Button>
        </div>
      </div>
    </fieldset>
  );
}

function RuleFields({ form, index }: FieldsProps & { readonly index: number }) {
  const number = String(index + 1);
  return (
    <div className={styles['rule']}>
      <TextInput
        aria-label={`Pattern of rule ${number}`}
        placeholder="v*.*.*"
        {...form.getInputProps(`tags.${String(index)}.pattern`)}
      />
      <TextInput
        aria-label={`Fresh for, rule ${number}`}
        placeholder="24h or immutable"
        {...form.getInputProps(`tags.${String(index)}.ttl`)}
      />
    </div>
  );
}
