import { compileRule, describeRule, isCatchAll } from '../config/content-rules.ts';
import type { CompiledRule } from '../config/content-rules.ts';
import type { UpstreamSettings } from '../config/schema.ts';
import type { UpstreamClient } from './client.types.ts';
import { ContentClient } from './content-client.ts';
import type { ContentLink } from './content-client.ts';
import { isDockerHub } from './names.ts';

/** An upstream as the rules see it. */
interface Candidate {
  readonly settings: UpstreamSettings;
  readonly client: UpstreamClient;
}

/** A repository of an upstream that a content rule leads to. */
export interface ContentMatch {
  readonly upstream: string;
  readonly upstreamRepository: string;
  /** The rule, for a person. */
  readonly rule: string;
  /** True when only rules about every name there is are about this one. */
  readonly isCatchAll: boolean;
}

interface Route {
  readonly upstream: Candidate;
  readonly repository: string;
  readonly rule: CompiledRule;
}

/** Where a request leads, as the cache keeps it. */
export interface RoutedTarget {
  /** Name in the store. */
  readonly name: string;
  readonly upstream: string | undefined;
  readonly upstreamRepository: string | undefined;
}

/** Content rules of all upstreams in their order, compiled once; made anew when the upstreams change. */
export class ContentRoutes {
  readonly #rules: readonly { readonly upstream: Candidate; readonly rules: readonly CompiledRule[] }[];
  readonly #isUsed: boolean;

  constructor(upstreams: readonly Candidate[]) {
    this.#rules = upstreams.map((upstream) => ({ upstream, rules: upstream.settings.content.map(compileRule) }));
    this.#isUsed = upstreams.some(({ settings }) => settings.content.length > 0 || !settings.onDemand);
  }

  /** The first upstream that a content rule leads this name to; undefined when none is about it. */
  match(name: string): ContentMatch | undefined {
    const routes = this.#allRoutesOf(name);
    const [first] = preferFetching(routes);
    if (first === undefined) return undefined;
    const { upstream, repository, rule } = first;
    return {
      upstream: upstream.settings.name,
      upstreamRepository: repository,
      rule: describeRule(rule.rule),
      isCatchAll: routes.every((route) => isCatchAll(route.rule.rule)),
    };
  }

  /** `upstream` as this target may ask it: with the others that content rules name, and without what they leave out. */
  restrict(upstream: Candidate, target: RoutedTarget): Candidate {
    if (!this.#isUsed) return upstream;
    const routes = this.#routesOf(target.name);
    const isRouted = routes.some(
      (route) => route.upstream.settings.name === target.upstream && route.repository === target.upstreamRepository,
    );
    const links = isRouted ? routes.map(linkOf) : this.#ownLinks(upstream, target);
    return links === undefined
      ? upstream
      : { settings: upstream.settings, client: new ContentClient(upstream.client, links) };
  }

  /** One route of each upstream with a rule about the name: those that fetch, or else those that only serve what is held. */
  #routesOf(name: string): readonly Route[] {
    return preferFetching(this.#allRoutesOf(name));
  }

  #allRoutesOf(name: string): readonly Route[] {
    return this.#rules.flatMap(({ upstream, rules }): Route[] => {
      for (const rule of rules) {
        const repository = rule.sourceOf(name);
        if (repository !== undefined) return [{ upstream, repository: onHub(upstream, repository), rule }];
      }
      return [];
    });
  }

  /** A name with the upstream written in it gets what the upstream's rules let through; undefined when it has none. */
  #ownLinks({ settings, client }: Candidate, target: RoutedTarget): readonly ContentLink[] | undefined {
    const repository = target.upstreamRepository ?? target.name;
    if (settings.content.length === 0)
      return settings.onDemand
        ? undefined
        : [{ client, repository, closed: closedBy(settings), refusal: () => undefined }];
    const rules = this.#rules.find(({ upstream }) => upstream.settings.name === settings.name)?.rules ?? [];
    const rule = rules.find(
      ({ destinationOf }) =>
        destinationOf(repository) !== undefined ||
        (isDockerHub(settings.name) && destinationOf(repository.replace(/^library\//, '')) !== undefined),
    );
    if (rule !== undefined) return [linkOf({ upstream: { settings, client }, repository, rule })];
    const closed = `no content rule of ${settings.name} is about it`;
    return [{ client, repository, closed, refusal: () => undefined }];
  }
}

function preferFetching(routes: readonly Route[]): readonly Route[] {
  const fetching = routes.filter(({ upstream }) => upstream.settings.onDemand);
  return fetching.length === 0 ? routes : fetching;
}

function linkOf({ upstream, repository, rule }: Route): ContentLink {
  return {
    client: upstream.client,
    repository,
    closed: closedBy(upstream.settings),
    refusal: (tag) => rule.refusal(tag),
  };
}

function closedBy(settings: UpstreamSettings): string | undefined {
  return settings.onDemand ? undefined : `${settings.name} is not asked on demand (onDemand is false)`;
}

/** Docker Hub's official images have one name in the store, however they are written. */
function onHub({ settings }: Candidate, repository: string): string {
  return isDockerHub(settings.name) && !repository.includes('/') ? `library/${repository}` : repository;
}
