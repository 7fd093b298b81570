import { formatDuration } from '../config/quantities.ts';
import type { PolicyDocument, PolicyRule } from './schema.ts';
import { detailOf } from './signature-rule.ts';

/** One rule as a person reads it. */
export interface RuleWords {
  readonly name: string;
  readonly mode: PolicyRule['mode'];
  /** What it does, and about what. */
  readonly sentence: string;
}

/** The rules of a document in the order in which they are asked, those that are off too. PURE. */
export function describePolicy(document: PolicyDocument): RuleWords[] {
  const { publishers, artifacts, plugins, rules } = document;
  return [
    ...listed('publishers.blocked', publishers?.blocked, (list) => `Nothing by ${list}.`),
    ...listed('publishers.allowed', publishers?.allowed, (list) => `Only what ${list} publishes.`),
    ...listed('allowedPublishers', document.allowedPublishers, (list) => `Only what ${list} publishes.`),
    ...listed('artifacts.blocked', artifacts?.blocked, (list) => `Never ${list}.`),
    ...listed('blockedArtifacts', document.blockedArtifacts, (list) => `Nothing with ${list} in its path.`),
    ...listed('allowedTypes', document.allowedTypes, (list) => `Of zhi plugins, only those of type ${list}.`),
    ...flagged(
      'plugins.requireVerified',
      plugins?.requireVerified,
      'Of zhi plugins, only those the marketplace has verified.',
    ),
    ...flagged('requireSignatures', document.requireSignatures, 'Only what a trusted key signed.'),
    ...rules.map((rule) => ({ name: rule.name, mode: rule.mode, sentence: ruleSentence(rule) })),
  ];
}

function listed(
  name: string,
  list: readonly string[] | undefined,
  words: (list: string) => string,
): readonly RuleWords[] {
  if (list === undefined || list.length === 0) return [];
  return [{ name, mode: 'enforce', sentence: words(oneOf(list)) }];
}

function flagged(name: string, isSet: boolean | undefined, sentence: string): readonly RuleWords[] {
  return isSet === true ? [{ name, mode: 'enforce', sentence }] : [];
}

function ruleSentence(rule: PolicyRule): string {
  const reason = rule.reason === '' ? '' : ` Reason: ${rule.reason.replace(/\.?$/, '.')}`;
  return `${whenWords(rule)}: ${effectWords(rule)}.${reason}`;
}

function whenWords({ artifacts, except, actions, users }: PolicyRule): string {
  const what = artifacts.includes('**') ? 'everything' : oneOf(artifacts);
  const but = except.length === 0 ? '' : ` except ${oneOf(except)}`;
  const who = users.length === 0 ? '' : ` by ${oneOf(users)}`;
  // all five is what a rule without the key is about
  const how = actions.length >= 5 ? '' : `, to ${actions.join(', ')}`;
  return `For ${what}${but}${how}${who}`;
}

function effectWords({ require, then }: PolicyRule): string {
  const needed = [
    ...(require?.digest === true ? ['be asked for by digest'] : []),
    ...(require?.age === undefined ? [] : [`be known here for ${formatDuration(require.age)}`]),
    ...signatureWords(require?.signature),
  ];
  if (needed.length === 0) return then === 'deny' ? 'denied' : then === 'allow' ? 'allowed' : 'nothing is decided';
  const must = `must ${needed.join(' and ')}`;
  return then === 'allow' ? `${must}, then it is allowed` : must;
}

function oneOf(list: readonly string[]): string {
  const last = list.at(-1) ?? '';
  return list.length < 2 ? last : `${list.slice(0, -1).join(', ')} or ${last}`;
}

function signatureWords(signature: NonNullable<PolicyRule['require']>['signature']): readonly string[] {
  const wanted = detailOf(signature);
  if (wanted === undefined) return [];
  const who = [
    ...wanted.keys.map((key) => `the key ${key}`),
    ...wanted.identities.map(({ subject }) => subject),
    ...wanted.notation.map((store) => `a certificate of ${store}`),
  ];
  const says = Object.entries(wanted.annotations).map(([name, value]) => `${name}=${value}`);
  const saying = says.length === 0 ? '' : `, saying ${says.join(' and ')}`;
  return [`be signed by ${who.length === 0 ? 'somebody trusted' : oneOf(who)}${saying}`];
}
