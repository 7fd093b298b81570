import { Checkbox, TextInput } from '@mantine/core';
import type { FieldsProps } from './upstream-fields.tsx';
import styles from './upstreams.module.css';

/** What rarely needs changing: failures, timeouts, certificates, proxy, redirects, intercepted hosts. */
export function MoreFields({ form }: FieldsProps) {
  const hasErrors = Object.keys(form.errors).some((field) =>
    /Timeout|retry|breaker|max|tls|proxy|intercept/i.test(field),
  );
  return (
    <details className={styles['more']} open={hasErrors ? true : undefined}>
      <summary>More settings</summary>
      <div className={styles['form']}>
        <FailureFields form={form} />
        <TimeoutFields form={form} />
        <CertificateFields form={form} />
        <NetworkFields form={form} />
      </div>
    </details>
  );
}

function FailureFields({ form }: FieldsProps) {
  return (
    <fieldset className={styles['group']}>
      <legend>When it fails</legend>
      <div className="stack-small">
        <Checkbox
          label="Serve what is held, marked stale, when the upstream fails"
          {...form.getInputProps('staleIfError', { type: 'checkbox' })}
        />
        <div className={styles['two']}>
          <NumberField
            form={form}
            name="maxRetries"
            label="Repeat a failed request"
            description="times, before the next URL"
          />
          <TextInput
            label="Wait before repeating"
            description="doubled each time"
            {...form.getInputProps('retryDelay')}
          />
          <NumberField
            form={form}
            name="breakerFailures"
            label="Leave it alone after"
            description="failures in a row"
          />
          <TextInput
            label="Leave it alone for"
            description="“Retry now” ends it"
            {...form.getInputProps('breakerWait')}
          />
        </div>
      </div>
    </fieldset>
  );
}

function TimeoutFields({ form }: FieldsProps) {
  return (
    <fieldset className={styles['group']}>
      <legend>Limits</legend>
      <div className={styles['two']}>
        <TextInput label="Connect" description="TCP and TLS together" {...form.getInputProps('connectTimeout')} />
        <TextInput
          label="First answer"
          description="until the headers arrive"
          {...form.getInputProps('headersTimeout')}
        />
        <TextInput label="Silence" description="between two pieces of a body" {...form.getInputProps('idleTimeout')} />
        <NumberField form={form} name="maxConcurrent" label="At once" description="requests under way" />
      </div>
    </fieldset>
  );
}

function CertificateFields({ form }: FieldsProps) {
  return (
    <fieldset className={styles['group']}>
      <legend>Certificates</legend>
      <div className="stack-small">
        <Checkbox
          label="Verify the upstream’s certificate"
          description="Switching this off lets anyone on the way pretend to be the upstream. Digests are still verified."
          {...form.getInputProps('tls.verify', { type: 'checkbox' })}
        />
        <p className="muted small">Paths are files on the machine the mirror runs on.</p>
        <div className={styles['two']}>
          <TextInput label="Extra authorities (PEM file)" {...form.getInputProps('tls.ca')} />
          <TextInput
            label="Folder with certificates"
            description="as Docker and zot lay it out"
            {...form.getInputProps('tls.certDirectory')}
          />
          <TextInput label="Client certificate (PEM file)" {...form.getInputProps('tls.cert')} />
          <TextInput label="Its key (PEM file)" {...form.getInputProps('tls.key')} />
        </div>
      </div>
    </fieldset>
  );
}

function NetworkFields({ form }: FieldsProps) {
  return (
    <fieldset className={styles['group']}>
      <legend>Way to it</legend>
      <div className="stack-small">
        <div className={styles['two']}>
          <TextInput
            label="HTTP proxy"
            description="Empty: the environment’s proxy."
            placeholder="http://proxy.example.com:3128"
            {...form.getInputProps('proxy')}
          />
          <TextInput
            label="Also answers for these hosts"
            description="Host names that clients are sent here with, separated by commas."
            {...form.getInputProps('interceptHosts')}
          />
        </div>
        <Checkbox
          label="It may redirect to private addresses"
          description="Allow only when this registry is known to keep its content inside your network."
          {...form.getInputProps('allowPrivateRedirects', { type: 'checkbox' })}
        />
      </div>
    </fieldset>
  );
}

interface NumberFieldProps extends FieldsProps {
  readonly name: 'maxRetries' | 'breakerFailures' | 'maxConcurrent';
  readonly label: string;
  readonly description: string;
}

function NumberField({ form, name, label, description }: NumberFieldProps) {
  const value = form.getValues()[name];
  return (
    <TextInput
      label={label}
      description={description}
      inputMode="numeric"
      value={Number.isNaN(value) ? '' : String(value)}
      error={form.errors[name]}
      onChange={(event) => {
        form.setFieldValue(
          name,
          event.currentTarget.value.trim() === '' ? Number.NaN : Number(event.currentTarget.value),
        );
      }}
    />
  );
}
