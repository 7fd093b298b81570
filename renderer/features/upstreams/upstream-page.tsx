import { Button } from '@mantine/core';
import { Link, useSearchParams } from 'react-router';
import type { UpstreamView } from '../../../server/api/contract.ts';
import { useUpdateUpstream, useUpstreams } from '../../api/queries.ts';
import { sayDone } from '../../components/say-done.ts';
import type { UpstreamInput } from '../../api/queries.ts';
import { EmptyState, ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { Page } from '../../components/page.tsx';
import { QuotaBar } from '../../components/quota-bar.tsx';
import { HealthBadge } from '../../components/states.tsx';
import { KeyValue } from '../../components/key-value.tsx';
import { TimeAgo } from '../../components/time-ago.tsx';
import { formatBytes, formatCount } from '../../format.ts';
import { AccountsPanel } from './accounts-panel.tsx';
import { FormProblems } from './form-problems.tsx';
import { MoreFields } from './more-fields.tsx';
import { registryPresets } from './registries.ts';
import { TestPanel } from './test-panel.tsx';
import { LockMark, Trouble } from './upstream-card.tsx';
import { FreshnessFields, ModeFields, UrlFields } from './upstream-fields.tsx';
import { formFromView, inputFromForm } from './upstream-form.ts';
import { useUpstreamForm } from './use-upstream-form.ts';
import type { UpstreamFormState } from './use-upstream-form.ts';
import styles from './upstreams.module.css';

/** One upstream: its health, settings, accounts and test. */
export function UpstreamPage() {
  const [search] = useSearchParams();
  const name = search.get('name') ?? '';
  const { data, isPending, error, refetch } = useUpstreams();
  const upstream = data?.upstreams.find((one) => one.name === name);
  if (upstream !== undefined) return <Loaded key={upstream.name} upstream={upstream} />;
  return (
    <Page title={name === '' ? 'Upstream' : name}>
      <div className="panel">
        {isPending ? (
          <LoadingState label="Reading the upstream" />
        ) : data === undefined ? (
          <ErrorState title="The upstream could not be read" error={error} onRetry={() => void refetch()} />
        ) : (
          <EmptyState title="There is no such upstream" actions={<Link to="/upstreams">See all upstreams</Link>}>
            {name} is not among the upstreams; perhaps it was removed.
          </EmptyState>
        )}
      </div>
    </Page>
  );
}

function Loaded({ upstream }: { readonly upstream: UpstreamView }) {
  const form = useUpstreamForm(formFromView(upstream));
  const checked = (): UpstreamInput | undefined =>
    form.validate().hasErrors ? undefined : inputFromForm(form.getValues());
  const test = registryPresets.find((preset) => preset.name === upstream.name)?.test;
  return (
    <Page
      title={upstream.name}
      intro={upstream.isDefault ? 'The default upstream: names without a host are looked up here.' : undefined}
      actions={upstream.locked ? <LockMark /> : undefined}
    >
      <Trouble upstream={upstream} />
      <div className={styles['columns']}>
        <SettingsForm upstream={upstream} form={form} checked={checked} />
        <div className="stack">
          <HealthPanel upstream={upstream} />
          <AccountsPanel upstream={upstream} />
          <TestPanel upstream={checked} test={test ?? { repository: '', reference: '' }} />
        </div>
      </div>
    </Page>
  );
}

interface SettingsFormProps {
  readonly upstream: UpstreamView;
  readonly form: UpstreamFormState;
  readonly checked: () => UpstreamInput | undefined;
}

function SettingsForm({ upstream, form, checked }: SettingsFormProps) {
  const update = useUpdateUpstream();
  const save = (): void => {
    const body = checked();
    if (body === undefined) return;
    update.mutate(
      { query: { name: upstream.name }, body },
      {
        onSuccess: (view) => {
          form.resetDirty();
          sayDone(`${view.name} saved`, 'The change applies from the next request on.');
        },
      },
    );
  };
  return (
    <form
      className="panel panel-body"
      noValidate
      aria-label="Settings"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <fieldset className={styles['form']} disabled={upstream.locked}>
        {upstream.locked ? (
          <Note tone="info">
            The settings file or a flag sets this upstream, so it is changed there and not in this window.
          </Note>
        ) : null}
        <ModeFields form={form} />
        <FreshnessFields form={form} />
        <UrlFields form={form} />
        <MoreFields form={form} />
        <ErrorNote error={update.error} />
        <FormProblems form={form} />
        <div className="row">
          <Button type="submit" loading={update.isPending} disabled={upstream.locked}>
            Save changes
          </Button>
          <Button
            variant="default"
            disabled={!form.isDirty()}
            onClick={() => {
              form.reset();
            }}
          >
            Discard changes
          </Button>
        </div>
      </fieldset>
    </form>
  );
}

function HealthPanel({ upstream }: { readonly upstream: UpstreamView }) {
  const { health } = upstream;
  return (
    <section className="panel panel-body stack" aria-label="Health">
      <div className="spread">
        <h2>Health</h2>
        <HealthBadge state={health.state} />
      </div>
      {health.quota === undefined ? null : <QuotaBar name={upstream.name} quota={health.quota} />}
      <KeyValue
        facts={[
          ['Last answer', <TimeAgo key="success" at={health.lastSuccessAt} />],
          ['Last failure', <TimeAgo key="failure" at={health.lastFailureAt} />],
          ['Why', health.lastError],
          ['Requests', `${formatCount(health.requests)}, ${formatCount(health.failures)} failed`],
          ['Received', formatBytes(health.bytesReceived)],
          ['Held', `${formatCount(upstream.repositories)} repositories, ${formatBytes(upstream.contentBytes)}`],
        ]}
      />
    </section>
  );
}
