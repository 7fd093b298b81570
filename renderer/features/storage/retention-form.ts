import { routes } from '../../../server/api/contract.ts';
import type { RetentionRules } from '../../api/queries.ts';

/** The form of one retention rule: every field as text as a person writes it. */
export interface RuleForm {
  /** Stays the same while the rule is moved. */
  readonly id: number;
  /** Globs, separated by commas or spaces. */
  readonly repositories: string;
  readonly tags: string;
  /** Whether conditions say which tags stay; false: the rule lets no tag go. */
  readonly hasConditions: boolean;
  readonly newest: string;
  readonly semver: string;
  readonly pulledWithin: string;
  readonly pushedWithin: string;
  readonly untagged: string;
}

export type RuleField = Exclude<keyof RuleForm, 'id' | 'hasConditions'>;

/** What is wrong, by the position of the rule and its field. */
export type RuleErrors = ReadonlyMap<string, string>;

/** What the form means: rules the API takes, or what is wrong with it. */
export type ReadRules = { readonly rules: RetentionRules } | { readonly errors: RuleErrors };

const conditionFields = ['newest', 'semver', 'pulledWithin', 'pushedWithin'] as const;

/** A rule that keeps the ten newest tags of every repository. PURE. */
export function newRule(id: number): RuleForm {
  const empty = { semver: '', pulledWithin: '', pushedWithin: '', untagged: '' };
  return { id, repositories: '**', tags: '**', hasConditions: true, newest: '10', ...empty };
}

/** The rules of an answer as the form shows them; none when the answer is not understood. PURE. */
export function formsOf(rules: readonly unknown[]): RuleForm[] {
  if (!routes.setRetention.body.safeParse({ rules }).success) return [];
  return (rules as RetentionRules).map(({ repositories, tags, keep, untagged }, id) => ({
    id,
    repositories: repositories.join(', '),
    tags: (tags ?? ['**']).join(', '),
    hasConditions: keep !== undefined,
    newest: keep?.newest === undefined ? '' : String(keep.newest),
    semver: keep?.semver ?? '',
    pulledWithin: keep?.pulledWithin ?? '',
    pushedWithin: keep?.pushedWithin ?? '',
    untagged: untagged ?? '',
  }));
}

/** Checks the form by the contract's own schema. PURE. */
export function readForms(forms: readonly RuleForm[]): ReadRules {
  const rules = forms.map(inputOf);
  const read = routes.setRetention.body.safeParse({ rules });
  if (read.success) return { rules };
  const errors = new Map<string, string>();
  for (const { path, message } of read.error.issues) {
    const [, position, group, condition] = path.map(String);
    const field = group === 'keep' ? condition : group;
    const key = errorKey(Number(position), field ?? '');
    if (!errors.has(key)) errors.set(key, wordError(field, message));
  }
  return { errors };
}

/** The key of a field's error. PURE. */
export function errorKey(position: number, field: string): string {
  return `${String(position)}.${field}`;
}

function inputOf(form: RuleForm): RetentionRules[number] {
  const filled = conditionFields.flatMap((field) => {
    const text = form[field].trim();
    return text === '' ? [] : [[field, field === 'newest' ? Number(text) : text] as const];
  });
  const untagged = form.untagged.trim();
  return {
    repositories: listOf(form.repositories),
    tags: listOf(form.tags),
    ...(form.hasConditions ? { keep: Object.fromEntries(filled) } : {}),
    ...(untagged === '' ? {} : { untagged }),
  };
}

function listOf(text: string): string[] {
  // a comma inside braces belongs to the glob
  return text.split(/[\s,]+(?![^{]*\})/).filter((part) => part !== '');
}

function wordError(field: string | undefined, message: string): string {
  if (field === 'repositories') return 'Write at least one pattern, such as team/** or **';
  if (field === 'tags') return 'Write at least one pattern, such as v* or **';
  if (field === 'newest') return 'Write a whole number';
  return message.charAt(0).toUpperCase() + message.slice(1);
}
