import { minimatch } from 'minimatch';
import { RequestError } from '../errors.ts';
import { isHostLike, matchNamespace } from './namespaces.ts';
import type { NamespaceMatch, NamespaceRequest, Namespaces } from './namespaces.ts';

/** Which names are this mirror's own, to push to and delete from. */
export interface PushRule {
  readonly namespaces: Namespaces;
  /** Globs on the repository name (`push.repositories`). */
  readonly patterns: readonly string[];
  /** Whether anything is held of a repository of the store. */
  readonly holdsContent: (name: string) => boolean;
  /** Upstream a repository of the store was cached from. */
  readonly upstreamOf: (name: string) => string | undefined;
}

/**
 * The name in the store that a write leads to. A name that means an upstream's content never accepts one, whatever the
 * patterns say: what is pulled under it must be what the upstream has.
 * @throws RequestError (DENIED, NAME_UNKNOWN)
 */
export function writableName(rule: PushRule, request: NamespaceRequest): string {
  const match = matchNamespace(rule.namespaces, request);
  const { repository } = request;
  if (match.rule === 'none' && request.ns !== undefined && request.ns !== '')
    throw new RequestError('NAME_UNKNOWN', match.explanation, { value: repository });
  const upstream = mirroredFrom(rule, match, repository);
  if (upstream !== undefined)
    throw denied(
      repository,
      `${repository} is mirrored from ${upstream}, so its content can't be pushed or deleted here; use a name of your own, such as team/app`,
    );
  if (isHostLike(repository))
    throw denied(
      repository,
      `${repository} begins with a host name, and such names belong to upstreams; use a name of your own, such as team/app`,
    );
  if (!rule.patterns.some((pattern) => minimatch(repository, pattern, { dot: true, nocomment: true, nonegate: true })))
    throw denied(repository, `${repository} does not accept pushes: no pattern of push.repositories matches it`);
  return repository;
}

/** Whether {@link writableName} would give a name. */
export function isWritable(rule: PushRule, request: NamespaceRequest): boolean {
  try {
    writableName(rule, request);
    return true;
  } catch (error) {
    if (error instanceof RequestError) return false;
    throw error;
  }
}

function mirroredFrom(rule: PushRule, match: NamespaceMatch, repository: string): string | undefined {
  const { target } = match;
  const cachedFrom = rule.upstreamOf(repository);
  if (cachedFrom !== undefined) return cachedFrom;
  if (target?.upstream === undefined) return undefined;
  if (match.rule !== 'default' && match.rule !== 'catch-all') return target.upstream;
  // pulled from the upstream before: a push would put other content behind a name that is in use
  return rule.holdsContent(target.name) ? target.upstream : undefined;
}

function denied(repository: string, message: string): RequestError {
  return new RequestError('DENIED', message, { value: repository });
}
