import { describeIssue } from '../config/issue-sentence.ts';
import { formatPath, parseSettingsFile } from '../config/settings-file.ts';
import type { SettingsFile } from '../config/settings-file.ts';
import type { CompiledRule } from './evaluate.ts';
import { splitPattern } from './globs.ts';
import { compilePolicy } from './rules.ts';
import { policyDocument } from './schema.ts';
import type { PolicyDocument } from './schema.ts';
import { detailOf } from './signature-rule.ts';
import { noPolicyTrust, readTrust } from './trust-material.ts';
import type { PolicyTrust, TrustReader } from './trust-material.ts';

/** A policy that was read. */
export interface ParsedPolicy {
  /** Undefined when there are problems: half a policy would allow what the other half denies. */
  readonly document: PolicyDocument | undefined;
  readonly rules: readonly CompiledRule[];
  /** Whom it trusts; nobody when it was read without a reader. */
  readonly trust: PolicyTrust;
  /** What is wrong, each one sentence with `file:line:column`. */
  readonly problems: readonly string[];
  /** What is allowed but hardly meant, in the same form. */
  readonly warnings: readonly string[];
}

/**
 * Reads a policy (YAML 1.2, so JSON too). Never throws. `path` is how the person named the file. Without a `reader` the keys and
 * certificates it trusts are not looked at. PURE but for what the reader does.
 */
export function parsePolicy(path: string, text: string, reader?: TrustReader): ParsedPolicy {
  const file = parseSettingsFile(path, text);
  const read = policyDocument.safeParse(file.content);
  const issues = file.isReadable ? (read.error?.issues ?? []) : [];
  const problems = [
    ...file.problems,
    ...issues
      .flatMap((issue) => describeIssue(issue, file.content, policyDocument))
      .map(
        ({ path: key, message, isName }) =>
          `${file.where(key, isName === true ? 'key' : 'value')}: ${formatPath(key)} ${message}${message.endsWith('?') ? '' : '.'}`,
      ),
  ];
  if (problems.length > 0 || !read.success) return refused(problems);
  const { trust, problems: untrusted } = readTrust(read.data, reader);
  const more = [
    ...repeatedNames(file, read.data),
    ...untrusted.map(
      ({ path: key, message }) =>
        `${file.where(key)}: ${formatPath(key)} ${message}${message.endsWith('?') ? '' : '.'}`,
    ),
  ];
  if (more.length > 0) return refused(more);
  return { document: read.data, rules: compilePolicy(read.data), trust, problems: [], warnings: lint(file, read.data) };
}

function refused(problems: readonly string[]): ParsedPolicy {
  return { document: undefined, rules: [], trust: noPolicyTrust, problems, warnings: [] };
}

/** A denial names its rule, so the name must tell which one it is. */
function repeatedNames(file: SettingsFile, { rules }: PolicyDocument): string[] {
  return rules.flatMap((rule, index) => {
    const first = rules.findIndex((other) => other.name === rule.name);
    if (first === index) return [];
    return [
      `${file.where(['rules', index, 'name'])}: rules[${String(index)}].name "${rule.name}" is taken by rules[${String(first)}].`,
    ];
  });
}

function lint(file: SettingsFile, document: PolicyDocument): string[] {
  const { publishers, artifacts, rules } = document;
  const at = (path: readonly (string | number)[], message: string): string =>
    `${file.where(path)}: ${formatPath(path)} ${message}.`;
  const blocked = new Set(publishers?.blocked?.map((publisher) => publisher.toLowerCase()));
  return [
    ...(document.retention === undefined
      ? []
      : [
          at(
            ['retention'],
            'is not applied, as the original never did; the settings storageCap and retention.rules are',
          ),
        ]),
    ...(document.sync === undefined ? [] : [at(['sync'], 'is not done from a policy')]),
    ...lintTrust(document).map(({ path, message }) => at(path, message)),
    ...emptyLists(document).map((path) => at(path, 'is empty, so it allows everything')),
    ...(publishers?.allowed ?? []).flatMap((publisher, index) =>
      blocked.has(publisher.toLowerCase())
        ? [at(['publishers', 'allowed', index], `"${publisher}" can never match: publishers.blocked comes first`)]
        : [],
    ),
    ...(artifacts?.blocked ?? []).flatMap((text, index) =>
      lintPattern(text).map((why) => at(['artifacts', 'blocked', index], why)),
    ),
    ...(document.blockedArtifacts ?? []).flatMap((text, index) =>
      lintPart(text).map((why) => at(['blockedArtifacts', index], why)),
    ),
    ...rules.flatMap((rule, index) => [
      ...rule.artifacts.flatMap((text, position) =>
        lintPattern(text).map((why) => at(['rules', index, 'artifacts', position], why)),
      ),
      ...(rule.then === undefined && rule.require === undefined
        ? [at(['rules', index], `"${rule.name}" can never decide: it has neither "then" nor "require"`)]
        : []),
      ...shadowedBy(rules.slice(0, index), rule.mode).map((earlier) =>
        at(['rules', index], `"${rule.name}" can never match: "${earlier}" before it decides about everything`),
      ),
    ]),
  ];
}

/** Signatures that are wanted of nobody, and somebody who is trusted for nothing. */
function lintTrust({
  trust,
  requireSignatures,
  rules,
}: PolicyDocument): { path: (string | number)[]; message: string }[] {
  const { keys = {}, notation = {}, identities = [], trustedRoot } = trust ?? {};
  const isNobody = Object.keys(keys).length + Object.keys(notation).length + identities.length === 0;
  const nobody = 'can never hold: trust names nobody whose signature counts';
  return [
    ...(requireSignatures === true && isNobody ? [{ path: ['requireSignatures'], message: nobody }] : []),
    ...rules.flatMap(({ require }, index) => {
      const wanted = detailOf(require?.signature);
      const isAnybody =
        wanted !== undefined && wanted.keys.length + wanted.identities.length + wanted.notation.length === 0;
      return isAnybody && isNobody ? [{ path: ['rules', index, 'require', 'signature'], message: nobody }] : [];
    }),
    ...(identities.length > 0 && trustedRoot === undefined
      ? [{ path: ['trust', 'identities'], message: 'can never match: signers without a key need trust.trustedRoot' }]
      : []),
  ];
}

function emptyLists(document: PolicyDocument): readonly (readonly string[])[] {
  return [
    ...(document.publishers?.allowed?.length === 0 ? [['publishers', 'allowed']] : []),
    ...(document.allowedPublishers?.length === 0 ? [['allowedPublishers']] : []),
    ...(document.allowedTypes?.length === 0 ? [['allowedTypes']] : []),
  ];
}

/** A pattern whose first segment can't be a registry is only about pushed content, which people seldom mean. */
function lintPattern(text: string): string[] {
  const { name } = splitPattern(text);
  if (name === '') return [`"${text}" can never match: it names no repository`];
  if (name !== name.toLowerCase()) return [`"${text}" can never match: repository names have no capital letters`];
  if (/\s/.test(text)) return [`"${text}" can never match: names have no blanks`];
  const [first = ''] = name.split('/');
  if (!name.includes('/') || /[*?[{.:]/.test(first) || first === 'localhost') return [];
  return [`"${text}" names no registry, so it is about pushed content only; "*/${text}" is about every registry`];
}

/** What the original takes as part of a path never contains a host or a tag. */
function lintPart(text: string): string[] {
  if (/[*?]/.test(text))
    return [
      `"${text}" can never match: this older key takes parts of names, not patterns; artifacts.blocked takes patterns`,
    ];
  const { tag, digest } = splitPattern(text);
  if (tag !== undefined || digest !== undefined)
    return [
      `"${text}" can never match: this older key is compared with the path alone, without tag or digest; artifacts.blocked takes patterns`,
    ];
  return /^[^/]*[.:][^/]*\//.test(text)
    ? [
        `"${text}" can never match: this older key is compared with the path after the registry; artifacts.blocked takes patterns`,
      ]
    : [];
}

function shadowedBy(earlier: PolicyDocument['rules'], mode: string): string[] {
  if (mode === 'off') return [];
  const all = earlier.find(
    (rule) =>
      rule.mode === 'enforce' &&
      rule.then !== undefined &&
      rule.require === undefined &&
      rule.users.length === 0 &&
      rule.except.length === 0 &&
      rule.actions.length === 5 &&
      rule.artifacts.some((text) => text === '**' || text === '**:*'),
  );
  return all === undefined ? [] : [all.name];
}
