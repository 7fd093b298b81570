import type { z } from 'zod';
import { nearest } from '../lib/nearest.ts';
import { duration, size } from './quantities.ts';
import { settings } from './schema.ts';
import type { SettingPath } from './settings-file.ts';

type Issue = z.core.$ZodIssue;
/** What of zod's inside is read here: enough to say in words what a setting takes. */
interface Kind {
  readonly def: {
    readonly type: string;
    readonly innerType?: Kind;
    readonly element?: Kind;
    readonly options?: readonly Kind[];
    readonly values?: readonly unknown[];
    readonly entries?: Readonly<Record<string, string>>;
    readonly shape?: Readonly<Record<string, Kind>>;
    readonly valueType?: Kind;
  };
}

/** A problem of one setting; `message` follows the setting's name in a sentence. */
export interface SettingProblem {
  readonly path: SettingPath;
  readonly message: string;
  /** Whether the name is the problem (an unknown setting), not the value. */
  readonly isName?: boolean;
}

/**
 * What a schema issue means, in words: what is allowed, and what was given unless it may be a secret. `schema` is what the
 * input was read by, by default the settings'.
 */
export function describeIssue(issue: Issue, input: unknown, schema: Kind = settings): readonly SettingProblem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'invalid_union') {
    const inner = meantBranch(issue);
    if (inner !== undefined)
      return inner.flatMap((one) => describeIssue({ ...one, path: [...issue.path, ...one.path] }, input, schema));
  }
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownSetting(path, key, schema));
  const value = valueAt(input, path);
  const given = mayBeSecret(path, value) ? kindOf(value) : showValue(value);
  return [{ path, message: sentence(issue, kindAt(path, schema), { value, given }) }];
}

/** What is wrong inside of the one form of several that was meant: the one whose own type fits. */
function meantBranch(issue: Extract<Issue, { code: 'invalid_union' }>): readonly Issue[] | undefined {
  return issue.errors.find((issues) =>
    issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  );
}

function sentence(
  issue: Issue,
  kind: Kind | undefined,
  found: { readonly value: unknown; readonly given: string },
): string {
  if (found.value === undefined) return `is missing; it must be ${allowed(kind)}`;
  switch (issue.code) {
    case 'custom':
      return issue.message;
    case 'invalid_format':
      return `${found.given} ${issue.message}`;
    case 'too_small':
      return issue.origin === 'string'
        ? 'must not be empty'
        : `must be at least ${String(issue.minimum)}, not ${found.given}`;
    case 'too_big':
      return `must be at most ${String(issue.maximum)}, not ${found.given}`;
    default:
      return `must be ${allowed(kind)}, not ${found.given}${quotingHint(kind, found.value)}`;
  }
}

function quotingHint(kind: Kind | undefined, value: unknown): string {
  const wantsText = unwrapped(kind)?.def.type === 'string';
  return wantsText && (typeof value === 'number' || typeof value === 'boolean') ? '; write it in quotes' : '';
}

function unknownSetting(parent: SettingPath, key: string, schema: Kind): SettingProblem {
  const def = unwrapped(kindAt(parent, schema))?.def;
  const known = [def, ...(def?.options ?? []).map((one) => unwrapped(one)?.def)].flatMap((form) =>
    Object.keys(form?.shape ?? {}),
  );
  const guess = nearest(key, known);
  const advice = guess === undefined ? `known here are ${known.join(', ')}` : `did you mean ${guess}?`;
  return { path: [...parent, key], message: `is not a setting; ${advice}`, isName: true };
}

/** What a setting takes, to follow "must be". */
function allowed(kind: Kind | undefined): string {
  const bare = unwrapped(kind);
  if (bare === undefined) return 'as the settings reference says';
  if (bare === (duration as unknown)) return 'a duration such as "30s", "5m" or "24h"';
  if (bare === (size as unknown)) return 'a size such as "500 MB" or "5 GiB"';
  const { type, options, values, entries } = bare.def;
  if (type === 'union') return (options ?? []).map((option) => allowed(option)).join(' or ');
  if (type === 'enum')
    return `one of ${Object.values(entries ?? {})
      .map((value) => JSON.stringify(value))
      .join(', ')}`;
  if (type === 'literal') return (values ?? []).map((value) => JSON.stringify(value)).join(' or ');
  const words: Readonly<Record<string, string>> = {
    string: 'a text',
    number: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a mapping ("name: value" lines)',
  };
  return words[type] ?? type;
}

function kindAt(path: SettingPath, schema: Kind): Kind | undefined {
  let kind: Kind | undefined = schema;
  for (const part of path) {
    const def: Kind['def'] | undefined = unwrapped(kind)?.def;
    const forms: readonly (Kind['def'] | undefined)[] = [
      def,
      ...(def?.options ?? []).map((one) => unwrapped(one)?.def),
    ];
    kind = forms
      .map((form) => (typeof part === 'number' ? form?.element : (form?.shape?.[part] ?? form?.valueType)))
      .find(Boolean);
  }
  return kind;
}

function unwrapped(kind: Kind | undefined): Kind | undefined {
  let bare = kind;
  while (bare?.def.innerType !== undefined) bare = bare.def.innerType;
  return bare;
}

function valueAt(input: unknown, path: SettingPath): unknown {
  let value = input;
  for (const part of path)
    value = typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[part] : undefined;
  return value;
}

function mayBeSecret(path: SettingPath, value: unknown): boolean {
  return (
    path.some((part) => part === 'accounts' || part === 'proxy') || (typeof value === 'string' && value.includes('@'))
  );
}

function showValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 200));
  if (typeof value === 'number') return `the number ${String(value)}`;
  if (typeof value === 'boolean') return String(value);
  return kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? 'this text' : `a ${typeof value}`;
}
