import { formatDuration } from '../config/quantities.ts';
import type { CompiledRule, PolicyFacts, PolicySubject, RuleOutcome } from './evaluate.ts';
import { compileArtifactGlob, compileGlob } from './globs.ts';
import type { ArtifactGlob } from './globs.ts';
import type { PolicyDocument, PolicyRule } from './schema.ts';
import { compileSignature, detailOf } from './signature-rule.ts';
import type { SignatureRequirement } from './trust-section.ts';

type Decide = CompiledRule['decide'];

const pass: RuleOutcome = { effect: 'pass' };
const allow: RuleOutcome = { effect: 'allow' };
const deny = (reason: string): RuleOutcome => ({ effect: 'deny', reason });

/** A document as one ordered list of rules: what is blocked, who is allowed, then the document's own rules. PURE. */
export function compilePolicy(document: PolicyDocument): readonly CompiledRule[] {
  const { publishers, artifacts, plugins, rules } = document;
  return [
    ...named('publishers.blocked', publishers?.blocked, blockedPublisher),
    ...named('publishers.allowed', publishers?.allowed, allowedPublisher),
    ...named('allowedPublishers', document.allowedPublishers, allowedPublisher),
    ...named('artifacts.blocked', artifacts?.blocked, blockedArtifact),
    ...named('blockedArtifacts', document.blockedArtifacts, blockedPart),
    ...named('allowedTypes', document.allowedTypes, allowedType),
    ...(plugins?.requireVerified === true ? [enforced('plugins.requireVerified', requireVerified)] : []),
    ...(document.requireSignatures === true ? [enforced('requireSignatures', signedBy(undefined, document))] : []),
    ...rules.flatMap((rule) => compileRule(rule, document)),
  ];
}

/** First path segment after the upstream host, in small letters: who publishes an artifact. PURE. */
export function publisherOf({ repository, upstream }: Pick<PolicySubject, 'repository' | 'upstream'>): string {
  const path = pathOf(repository, upstream);
  const slash = path.indexOf('/');
  return (slash < 0 ? path : path.slice(0, slash)).toLowerCase();
}

/** A name of the store need not begin with its upstream: content rules give their own. */
function pathOf(repository: string, upstream: string | undefined): string {
  return upstream !== undefined && repository.startsWith(`${upstream}/`)
    ? repository.slice(upstream.length + 1)
    : repository;
}

/** Type of a zhi plugin by its repository's last segment, `zhi-<type>-<name>`; undefined for what is none (zhi-wire 3.6). PURE. */
export function pluginTypeOf(repository: string): string | undefined {
  const type = /(?:^|\/)zhi-([a-z]+)-[^/]+$/.exec(repository)?.[1];
  return type === 'workspace' ? undefined : type;
}

function named(
  name: string,
  list: readonly string[] | undefined,
  compile: (list: readonly string[]) => Decide,
): CompiledRule[] {
  return list === undefined || list.length === 0 ? [] : [enforced(name, compile(list))];
}

function enforced(name: string, decide: Decide): CompiledRule {
  return { name, mode: 'enforce', decide };
}

function blockedPublisher(list: readonly string[]): Decide {
  const blocked = new Set(list.map((publisher) => publisher.toLowerCase()));
  return (subject) => {
    const publisher = publisherOf(subject);
    return blocked.has(publisher) ? deny(`publisher "${publisher}" is blocked by policy`) : pass;
  };
}

function allowedPublisher(list: readonly string[]): Decide {
  const allowed = new Set(list.map((publisher) => publisher.toLowerCase()));
  return (subject) => {
    const publisher = publisherOf(subject);
    return allowed.has(publisher) ? pass : deny(`publisher "${publisher}" is not allowed by policy`);
  };
}

function blockedArtifact(list: readonly string[]): Decide {
  const globs = list.map(compileArtifactGlob);
  return ({ repository, digest, part }, tags) => {
    const glob = globs.find((candidate) => candidate.matches(repository, tags, digest, part));
    return glob === undefined ? pass : deny(`"${glob.text}" is blocked by policy`);
  };
}

/** The original's own matching: part of the path after the upstream host, case and all (zhi-wire 1.3). */
function blockedPart(list: readonly string[]): Decide {
  return ({ repository, upstream }) => {
    const path = pathOf(repository, upstream);
    const part = list.find((candidate) => path.includes(candidate));
    return part === undefined ? pass : deny(`artifact "${path}" is blocked by policy ("${part}")`);
  };
}

function allowedType(list: readonly string[]): Decide {
  return ({ repository }) => {
    const type = pluginTypeOf(repository);
    return type === undefined || list.includes(type)
      ? pass
      : deny(`plugins of type "${type}" are not allowed by policy`);
  };
}

function requireVerified(
  { repository }: PolicySubject,
  _: readonly string[],
  { marketplace }: PolicyFacts,
): RuleOutcome {
  if (pluginTypeOf(repository) === undefined) return pass;
  if (marketplace === undefined) return { effect: 'need', fact: 'marketplace' };
  return marketplace.state === 'verified' ? pass : deny(`the plugin is not verified: ${marketplace.detail}`);
}

function signedBy(requirement: SignatureRequirement | undefined, document: PolicyDocument): Decide {
  const decide = compileSignature(requirement, document);
  return (_, __, facts) => decide(facts);
}

function compileRule(rule: PolicyRule, document: PolicyDocument): CompiledRule[] {
  if (rule.mode === 'off') return [];
  const artifacts = rule.artifacts.map(compileArtifactGlob);
  const isAbout = compileScope(rule, artifacts);
  const decide = compileEffect(rule, document);
  return [
    {
      name: rule.name,
      mode: rule.mode,
      mayConcern: (repository, tags) => artifacts.some((glob) => glob.concerns(repository, tags)),
      decide: (subject, tags, facts) => {
        const about = isAbout(subject, tags);
        if (about === 'some') return { effect: 'need', fact: 'reference', isLast: rule.then === 'allow' };
        return about === 'all' ? decide(subject, tags, facts) : pass;
      },
    },
  ];
}

/** `some`: the name alone is asked about, and the rule is about some of its tags or digests. */
type Scope = 'none' | 'some' | 'all';

function compileScope(
  rule: PolicyRule,
  artifacts: readonly ArtifactGlob[],
): (subject: PolicySubject, tags: readonly string[]) => Scope {
  const except = rule.except.map(compileArtifactGlob);
  const users = rule.users.map(compileGlob);
  const actions = new Set<string>(rule.actions);
  return ({ action, repository, digest, part, user }, tags) => {
    if (!actions.has(action)) return 'none';
    if (users.length > 0 && (user === undefined || !users.some((isUser) => isUser(user)))) return 'none';
    const matches = (glob: ArtifactGlob): boolean => glob.matches(repository, tags, digest, part);
    const mayMatch = (glob: ArtifactGlob): boolean => glob.mayMatch(repository);
    if (except.some(matches)) return 'none';
    const isAbout = artifacts.some(matches);
    const isNameOnly = digest === undefined && tags.length === 0;
    if (!isNameOnly) return isAbout ? 'all' : 'none';
    if (isAbout) return except.some(mayMatch) ? 'some' : 'all';
    return artifacts.some(mayMatch) ? 'some' : 'none';
  };
}

function compileEffect(rule: PolicyRule, document: PolicyDocument): Decide {
  const because = rule.reason === '' ? '' : `: ${rule.reason}`;
  const { require, then } = rule;
  if (require === undefined) {
    const fixed = then === 'deny' ? deny(`rule ${rule.name} denies it${because}`) : allow;
    return () => fixed;
  }
  const wanted = detailOf(require.signature);
  const isSigned = wanted === undefined ? undefined : compileSignature(wanted, document);
  return (subject, _, facts) => {
    const missing = [
      require.digest === true && subject.tag !== undefined ? deny('it must be asked for by digest') : pass,
      require.age === undefined ? pass : oldEnough(require.age, facts),
      isSigned === undefined ? pass : isSigned(facts),
    ].find((outcome) => outcome.effect !== 'pass');
    if (missing === undefined) return then === 'allow' ? allow : pass;
    if (missing.effect === 'need') return then === 'allow' ? { ...missing, isLast: true } : missing;
    return missing.effect === 'deny' ? deny(`rule ${rule.name}${because}: ${missing.reason}`) : missing;
  };
}

/** By the mirror's own record, which nobody upstream can backdate. */
function oldEnough(ageMs: number, { firstSeenAt, now }: PolicyFacts): RuleOutcome {
  if (firstSeenAt === undefined) return { effect: 'need', fact: 'firstSeenAt' };
  const knownMs = firstSeenAt === null ? 0 : now - firstSeenAt;
  if (knownMs >= ageMs) return pass;
  const at = new Date(now + ageMs - knownMs).toISOString().slice(0, 16).replace('T', ' ');
  return deny(`it must be known here for ${formatDuration(ageMs)}; that is so from ${at} UTC on`);
}
