import { UpstreamError } from '../errors.ts';
import { forbiddenAddressCode } from './fault.ts';
import { headerOf, invalidAnswer } from './transport.ts';
import type { Answer, TransportRequest } from './transport.ts';

export interface RedirectRules {
  /** Sent on hops to the first URL's own origin, and never again once that is left. */
  readonly authorization: string | undefined;
  /** Whether this upstream may lead to private addresses, and from https to http. Asked after the first hop. */
  readonly mayBePrivate: () => boolean;
}

/** Where a request ended up. */
export interface Hop {
  readonly answer: Answer;
  readonly url: URL;
  /** True when another origin than the one asked gave the answer. */
  readonly hasLeft: boolean;
}

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const redirectLimit = 5;

/**
 * Sends a GET or HEAD and follows redirects by hand. The upstream chooses every target, so credentials stay with the
 * first origin, and a target on a private address or without TLS is refused unless the rules allow it.
 * @throws UpstreamError (UPSTREAM_INVALID for a chain or a target that makes no sense, UPSTREAM_FORBIDDEN_ADDRESS)
 */
export async function sendFollowing(
  send: (request: TransportRequest) => Promise<Answer>,
  request: TransportRequest,
  rules: RedirectRules,
): Promise<Hop> {
  let { url } = request;
  let hasLeft = false;
  for (let hops = 0; hops <= redirectLimit; hops += 1) {
    const isGuarded = request.isGuarded || (hasLeft && !rules.mayBePrivate());
    const answer = await send({ ...request, url, isGuarded, headers: headersFor(request, rules, hasLeft) });
    if (!redirectStatuses.has(answer.status)) return { answer, url, hasLeft };
    answer.body.cancel();
    const target = targetOf(answer, url);
    if (url.protocol === 'https:' && target.protocol === 'http:' && !rules.mayBePrivate()) throw downgrade(url, target);
    hasLeft ||= target.origin !== request.url.origin;
    url = target;
  }
  throw invalidAnswer(request.url.host, `redirected more than ${String(redirectLimit)} times`);
}

function headersFor(
  request: TransportRequest,
  rules: RedirectRules,
  hasLeft: boolean,
): Readonly<Record<string, string>> {
  if (hasLeft || rules.authorization === undefined) return request.headers;
  return { ...request.headers, authorization: rules.authorization };
}

function targetOf(answer: Answer, from: URL): URL {
  const location = headerOf(answer, 'location');
  const target = location === undefined ? null : URL.parse(location, from);
  if (target === null || !/^https?:$/.test(target.protocol)) {
    throw invalidAnswer(from.host, 'redirected to something that is not an http or https URL', answer.status);
  }
  return target;
}

function downgrade(from: URL, target: URL): UpstreamError {
  const cause = Object.assign(new Error('https to http'), { code: forbiddenAddressCode });
  return new UpstreamError(
    'UPSTREAM_FORBIDDEN_ADDRESS',
    `${from.host} redirected from https to plain http at ${target.host}, which is only followed when the upstream is on a private address or allowPrivateRedirects is set`,
    { value: target.host, cause },
  );
}
