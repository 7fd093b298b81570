import { useEffect, useRef, useState } from 'react';
import { Button, TextInput, UnstyledButton } from '@mantine/core';
import { useNavigate } from 'react-router';
import { useAddUpstream, useUpstreams } from '../../api/queries.ts';
import { sayDone } from '../../components/say-done.ts';
import type { UpstreamInput } from '../../api/queries.ts';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { Page, Section } from '../../components/page.tsx';
import { MoreFields } from './more-fields.tsx';
import { registryPresets } from './registries.ts';
import type { RegistryPreset } from './registries.ts';
import { TestPanel } from './test-panel.tsx';
import { FreshnessFields, ModeFields, UrlFields } from './upstream-fields.tsx';
import type { FieldsProps } from './upstream-fields.tsx';
import { FormProblems } from './form-problems.tsx';
import { emptyForm, inputFromForm } from './upstream-form.ts';
import { useUpstreamForm } from './use-upstream-form.ts';
import styles from './upstreams.module.css';

/** From the gallery to a tested, saved upstream. */
export function AddUpstreamPage() {
  const [preset, setPreset] = useState<RegistryPreset | undefined>(undefined);
  const { data } = useUpstreams();
  const known = new Set(data?.upstreams.map((upstream) => upstream.name));
  return (
    <Page title="Add upstream" intro="Choose a registry, test it, save it.">
      {data?.locked === true ? (
        <Note tone="info">The settings file lists the upstreams, so none can be added in this window.</Note>
      ) : null}
      <Gallery chosen={preset} known={known} onChoose={setPreset} />
      {preset === undefined ? null : <NewUpstream key={preset.id} preset={preset} isLocked={data?.locked === true} />}
    </Page>
  );
}

interface GalleryProps {
  readonly chosen: RegistryPreset | undefined;
  /** Names of upstreams there are already. */
  readonly known: ReadonlySet<string>;
  readonly onChoose: (preset: RegistryPreset) => void;
}

function Gallery({ chosen, known, onChoose }: GalleryProps) {
  return (
    <Section title="Registry">
      <ul className={styles['gallery']}>
        {registryPresets.map((preset) => {
          const isKnown = known.has(preset.name);
          return (
            <li key={preset.id}>
              <UnstyledButton
                className={styles['preset'] ?? ''}
                aria-pressed={chosen?.id === preset.id}
                disabled={isKnown}
                onClick={() => {
                  onChoose(preset);
                }}
              >
                <span className={styles['mark']} aria-hidden="true">
                  {preset.mark}
                </span>
                <strong>{preset.title}</strong>
                <span className="muted small">{isKnown ? 'Already among the upstreams.' : preset.about}</span>
              </UnstyledButton>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

function NewUpstream({ preset, isLocked }: { readonly preset: RegistryPreset; readonly isLocked: boolean }) {
  const form = useUpstreamForm({ ...emptyForm, name: preset.name });
  const add = useAddUpstream();
  const navigate = useNavigate();
  const checked = (): UpstreamInput | undefined => {
    if (form.validate().hasErrors) return undefined;
    return inputFromForm(form.getValues());
  };
  const save = (): void => {
    const body = checked();
    if (body === undefined) return;
    add.mutate(
      { body },
      {
        onSuccess: (view) => {
          sayDone(`${view.name} added`, 'Clients can pull through it now.');
          void navigate('/upstreams');
        },
      },
    );
  };
  return (
    <form
      className={styles['columns']}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <div className="panel panel-body stack">
        {preset.hint === undefined ? null : <Note tone="info">{preset.hint}</Note>}
        <NameField form={form} placeholder={preset.namePlaceholder} />
        <UrlFields form={form} />
        <ModeFields form={form} />
        <FreshnessFields form={form} />
        <MoreFields form={form} />
        <ErrorNote error={add.error} />
        <FormProblems form={form} />
        <div className="row">
          <Button type="submit" loading={add.isPending} disabled={isLocked}>
            Save upstream
          </Button>
          <Button variant="default" onClick={() => void navigate('/upstreams')}>
            Cancel
          </Button>
        </div>
      </div>
      <div className={styles['sticky']}>
        <TestPanel upstream={checked} test={preset.test} />
      </div>
    </form>
  );
}

function NameField({ form, placeholder }: FieldsProps & { readonly placeholder: string }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
  }, []);
  return (
    <TextInput
      ref={field}
      label="Name"
      description="The host clients write, perhaps with a port: ghcr.io, registry.test:5000."
      placeholder={placeholder}
      required
      spellCheck={false}
      {...form.getInputProps('name')}
    />
  );
}
