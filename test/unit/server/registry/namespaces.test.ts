import { expect, test } from 'vitest';
import { matchNamespace } from '../../../../server/registry/namespaces.ts';
import type { NamespaceRequest, Namespaces } from '../../../../server/registry/namespaces.ts';

const namespaces: Namespaces = {
  hasUpstream: (name) => ['docker.io', 'ghcr.io', 'reg.test:5000'].includes(name),
  upstreamOfHost: (host) => (host === 'ghcr.io' ? 'ghcr.io' : undefined),
  matchContent: (name) => {
    if (name === 'mirrored/app')
      return { upstream: 'ghcr.io', upstreamRepository: 'org/app', rule: 'org/**', isCatchAll: false };
    if (!name.startsWith('any/')) return undefined;
    return { upstream: 'ghcr.io', upstreamRepository: name, rule: '**', isCatchAll: true };
  },
  isLocal: (name) => ['team/app', 'mirrored/app', 'any/pushed'].includes(name),
  defaultUpstream: 'docker.io',
};

interface Case extends NamespaceRequest {
  readonly rule: string;
  readonly store: string | undefined;
}

test.each<Case>([
  { repository: 'org/app', ns: 'ghcr.io', rule: 'ns', store: 'ghcr.io/org/app' },
  { repository: 'ghcr.io/org/app', ns: 'ghcr.io', rule: 'ns', store: 'ghcr.io/org/app' },
  { repository: 'docker.io/alpine', ns: 'docker.io', rule: 'ns', store: 'docker.io/library/alpine' },
  { repository: 'docker.io/org/app', ns: 'ghcr.io', rule: 'ns', store: 'ghcr.io/docker.io/org/app' },
  { repository: 'alpine', ns: 'registry-1.docker.io', rule: 'ns', store: 'docker.io/library/alpine' },
  { repository: 'org/app', ns: 'unknown.test', rule: 'none', store: undefined },
  { repository: 'org/app', host: 'ghcr.io:5050', rule: 'host', store: 'ghcr.io/org/app' },
  { repository: 'ghcr.io/org/app', rule: 'prefix', store: 'ghcr.io/org/app' },
  { repository: 'reg.test:5000/org/app', rule: 'prefix', store: 'reg.test:5000/org/app' },
  { repository: 'reg.test:5001/org/app', rule: 'none', store: undefined },
  { repository: '127.0.0.1:5000/app', rule: 'none', store: undefined },
  { repository: 'mirrored/app', rule: 'content', store: 'mirrored/app' },
  { repository: 'team/app', rule: 'local', store: 'team/app' },
  { repository: 'any/pushed', rule: 'local', store: 'any/pushed' },
  { repository: 'any/other', rule: 'catch-all', store: 'any/other' },
  { repository: 'alpine', host: 'mirror:5050', rule: 'default', store: 'docker.io/library/alpine' },
])('$repository with ns $ns at $host is $store by $rule', ({ rule, store, ...request }) => {
  const match = matchNamespace(namespaces, request);
  expect({ rule: match.rule, store: match.target?.name }).toEqual({ rule, store });
});
