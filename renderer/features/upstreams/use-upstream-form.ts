import { useForm } from '@mantine/form';
import { validateForm } from './upstream-form.ts';
import type { UpstreamForm } from './upstream-form.ts';

/** The state of an upstream's form, checked by the contract's own schema. */
export function useUpstreamForm(initialValues: UpstreamForm) {
  return useForm({ initialValues, validate: validateForm, validateInputOnBlur: true });
}

export type UpstreamFormState = ReturnType<typeof useUpstreamForm>;
