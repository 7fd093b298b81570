import { canonicalHost } from '../config/upstream-text.ts';
import type { Target } from '../cache/targets.ts';

/** Which rule decided where a request leads. */
export type NamespaceRule = 'ns' | 'host' | 'prefix' | 'content' | 'local' | 'catch-all' | 'default' | 'none';

export interface NamespaceMatch {
  readonly rule: NamespaceRule;
  /** Undefined when no rule matched. */
  readonly target: Target | undefined;
  /** For a person: which rule and why. */
  readonly explanation: string;
}

/** Where content rules lead a name. */
export interface ContentRuleMatch {
  readonly upstream: string;
  readonly upstreamRepository: string;
  /** The rule, for a person. */
  readonly rule: string;
  /** True when only rules about every name there is are about this one. */
  readonly isCatchAll: boolean;
}

/** What the mapping needs to know about the mirror; the clients control everything in {@link NamespaceRequest}. */
export interface Namespaces {
  hasUpstream(name: string): boolean;
  /** The upstream whose intercepted hosts hold this one. */
  upstreamOfHost(host: string): string | undefined;
  /** The upstream and repository that a content rule leads a name to; undefined when none is about it. */
  matchContent(name: string): ContentRuleMatch | undefined;
  /** Whether a repository of pushed content has this name. */
  isLocal(name: string): boolean;
  readonly defaultUpstream: string | undefined;
}

export interface NamespaceRequest {
  /** `<name>` of the request's path. */
  readonly repository: string;
  /** containerd's `ns` query parameter. */
  readonly ns?: string | undefined;
  /** The request's Host, with its port if any. */
  readonly host?: string | undefined;
}

/**
 * Maps a request to the repository in the store and on its upstream, in this order: `?ns=`; intercepted `Host`; first
 * segment is an upstream; a content rule; an existing local repository; a content rule about every name; the default
 * upstream. A rule that takes all names would otherwise take those of pushed content, too.
 */
export function matchNamespace(namespaces: Namespaces, request: NamespaceRequest): NamespaceMatch {
  const { repository } = request;
  if (request.ns !== undefined && request.ns !== '') return matchNs(namespaces, repository, request.ns);
  const intercepted = request.host === undefined ? undefined : interceptedBy(namespaces, request.host);
  if (intercepted !== undefined)
    return found('host', intercepted, repository, `the request's Host ${request.host ?? ''} is one of ${intercepted}`);
  const slash = repository.indexOf('/');
  const first = slash < 0 ? '' : canonicalHost(repository.slice(0, slash));
  if (first !== '' && namespaces.hasUpstream(first)) {
    return found(
      'prefix',
      first,
      repository.slice(slash + 1),
      `the first segment ${repository.slice(0, slash)} is an upstream`,
    );
  }
  // no registry takes a port in a repository's name: asking the default upstream would only look like trouble with it
  if (first.includes(':'))
    return {
      rule: 'none',
      target: undefined,
      explanation: `${repository.slice(0, slash)} is no upstream of this mirror`,
    };
  return matchName(namespaces, repository);
}

/** A name that says nothing about its upstream by itself. */
function matchName(namespaces: Namespaces, repository: string): NamespaceMatch {
  const content = namespaces.matchContent(repository);
  if (content !== undefined && !content.isCatchAll) return byContentRule('content', repository, content);
  if (namespaces.isLocal(repository)) {
    return {
      rule: 'local',
      target: { name: repository, upstream: undefined, upstreamRepository: undefined },
      explanation: `${repository} is a repository of this mirror`,
    };
  }
  if (content !== undefined) return byContentRule('catch-all', repository, content);
  if (namespaces.defaultUpstream === undefined)
    return { rule: 'none', target: undefined, explanation: 'no rule matches and there is no default upstream' };
  return found(
    'default',
    namespaces.defaultUpstream,
    repository,
    `no other rule matches, so the default upstream ${namespaces.defaultUpstream} is asked`,
  );
}

/** As image references are read everywhere: a first segment with a dot or a port, or `localhost`, is a host. PURE. */
export function isHostLike(repository: string): boolean {
  const slash = repository.indexOf('/');
  if (slash < 0) return false;
  const first = repository.slice(0, slash);
  return first.includes('.') || first.includes(':') || first === 'localhost';
}

function byContentRule(
  rule: 'content' | 'catch-all',
  name: string,
  { upstream, upstreamRepository, rule: text }: ContentRuleMatch,
): NamespaceMatch {
  return {
    rule,
    target: { name, upstream, upstreamRepository },
    explanation: `the content rule "${text}" of ${upstream} leads to ${upstreamRepository}`,
  };
}

function matchNs(namespaces: Namespaces, repository: string, ns: string): NamespaceMatch {
  const upstream = canonicalHost(ns);
  if (namespaces.hasUpstream(upstream)) {
    // a hosts.toml with the upstream in its path names it twice
    const slash = repository.indexOf('/');
    const isTwice = slash > 0 && canonicalHost(repository.slice(0, slash)) === upstream;
    const inUpstream = isTwice ? repository.slice(slash + 1) : repository;
    return found('ns', upstream, inUpstream, `ns=${ns} names the upstream ${upstream}`);
  }
  return { rule: 'none', target: undefined, explanation: `ns=${ns.slice(0, 100)} names no upstream of this mirror` };
}

function interceptedBy(namespaces: Namespaces, host: string): string | undefined {
  const lower = host.toLowerCase();
  return namespaces.upstreamOfHost(lower) ?? namespaces.upstreamOfHost(lower.replace(/:\d+$/, ''));
}

function found(rule: NamespaceRule, upstream: string, repository: string, explanation: string): NamespaceMatch {
  // Docker Hub's official images have one name in the store, however a client writes them
  const onUpstream = upstream === 'docker.io' && !repository.includes('/') ? `library/${repository}` : repository;
  return { rule, target: { name: `${upstream}/${onUpstream}`, upstream, upstreamRepository: onUpstream }, explanation };
}
