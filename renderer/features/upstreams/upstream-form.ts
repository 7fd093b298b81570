import { routes } from '../../../server/api/contract.ts';
import type { UpstreamView } from '../../../server/api/contract.ts';
import type { UpstreamInput, UpstreamUpdate } from '../../api/queries.ts';
import { durationText } from '../../format.ts';
import type { Mode } from './modes.ts';

/** The form of an upstream: every setting as text as a person writes it. PURE. */
export interface UpstreamForm {
  name: string;
  urls: string[];
  mode: Mode;
  ttl: string;
  tags: { pattern: string; ttl: string }[];
  negativeTtl: string;
  staleIfError: boolean;
  maxRetries: number;
  retryDelay: string;
  connectTimeout: string;
  headersTimeout: string;
  idleTimeout: string;
  breakerFailures: number;
  breakerWait: string;
  maxConcurrent: number;
  tls: { verify: boolean; ca: string; cert: string; key: string; certDirectory: string };
  proxy: string;
  allowPrivateRedirects: boolean;
  /** Hosts, separated by commas or spaces. */
  interceptHosts: string;
}

/** The settings' own defaults, as the contract's schema has them. */
export const emptyForm: UpstreamForm = defaultForm();

function defaultForm(): UpstreamForm {
  const { accounts: _accounts, ...defaults } = routes.addUpstream.body.parse({ name: 'any.host' });
  return {
    ...defaults,
    name: '',
    tags: [],
    ttl: durationText(defaults.ttl),
    negativeTtl: durationText(defaults.negativeTtl),
    retryDelay: durationText(defaults.retryDelay),
    connectTimeout: durationText(defaults.connectTimeout),
    headersTimeout: durationText(defaults.headersTimeout),
    idleTimeout: durationText(defaults.idleTimeout),
    breakerWait: durationText(defaults.breakerWait),
    interceptHosts: '',
  };
}

/** What the API takes for this form; blank URLs are left out. */
export function inputFromForm(form: UpstreamForm): UpstreamUpdate {
  return {
    ...form,
    name: form.name.trim(),
    urls: form.urls.map((url) => url.trim()).filter((url) => url !== ''),
    tags: form.tags.map((rule) => ({ pattern: rule.pattern.trim(), ttl: rule.ttl.trim() })),
    interceptHosts: form.interceptHosts.split(/[\s,]+/).filter((host) => host !== ''),
  };
}

/** The settings of an upstream as the form shows them; what the answer leaves out has its default. */
export function formFromView(view: Pick<UpstreamView, 'name' | 'settings'>): UpstreamForm {
  const settings = settingsOf(view);
  const { interceptHosts, tls, tags, urls, ...rest } = settings;
  return {
    ...emptyForm,
    ...withoutUndefined(rest),
    urls: [...(urls ?? [])],
    tags: (tags ?? []).map((rule) => ({ pattern: rule.pattern, ttl: rule.ttl })),
    tls: { ...emptyForm.tls, ...withoutUndefined(tls ?? {}) },
    interceptHosts: (interceptHosts ?? []).join(', '),
  };
}

/** An upstream's settings, typed; only its name when the answer is not understood. */
export function settingsOf(view: Pick<UpstreamView, 'name' | 'settings'>): UpstreamUpdate {
  const isUnderstood = routes.updateUpstream.body.safeParse(view.settings).success;
  return isUnderstood ? (view.settings as UpstreamUpdate) : { name: view.name };
}

/** What is wrong with the form, by field, in the words of the contract's schema. Empty when nothing is. */
export function validateForm(form: UpstreamForm): Record<string, string> {
  const input: UpstreamInput = inputFromForm(form);
  const result = routes.addUpstream.body.safeParse(input);
  if (result.success) return {};
  const errors: Record<string, string> = {};
  for (const issue of result.error.issues) {
    const field = fieldOf(issue.path, form);
    errors[field] ??= wordError(field, form, issue.message);
  }
  return errors;
}

/** The field an issue belongs to: blank URLs are not sent, so their positions differ from the form's. */
function fieldOf(path: readonly PropertyKey[], form: UpstreamForm): string {
  const [first, position] = path.map(String);
  if (first === 'interceptHosts') return 'interceptHosts';
  if (first !== 'urls' || position === undefined) return path.map(String).join('.');
  const filled = form.urls.map((url, index) => ({ url, index })).filter(({ url }) => url.trim() !== '');
  return `urls.${String(filled[Number(position)]?.index ?? position)}`;
}

function wordError(field: string, form: UpstreamForm, message: string): string {
  if (field === 'name' && form.name.trim() === '') return 'Write the host clients use, such as ghcr.io';
  if (/^tags\.\d+\.pattern$/.test(field)) return 'Write a pattern, such as v* or latest';
  if (/^tags\.\d+\.ttl$/.test(field)) return 'Write a time such as 30s, 5m or 24h, or "immutable"';
  return message.charAt(0).toUpperCase() + message.slice(1);
}

function withoutUndefined<T extends object>(values: T): { [K in keyof T]-?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]-?: Exclude<T[K], undefined>;
  };
}
