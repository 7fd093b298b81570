import { requestContext, trustedProxyList } from '../http/request-context.ts';
import type { RequestHandler } from '../http/listener.ts';
import type { Clock } from '../lib/clock.ts';
import type { FastPath } from './fast-path.ts';
import type { RegistryRoutes } from './routes.ts';

/** What a request to the registry meets, in this order. */
export interface DoorParts {
  readonly fastPath: FastPath;
  readonly registry: RegistryRoutes;
  readonly clock: Clock;
}

/**
 * What the mirror's door does with a request: `/v2` never sees a web framework, warm answers come from memory, the rest
 * from the registry's own router; what is not the registry's goes to `otherwise`.
 */
export function registryHandler(
  { fastPath, registry, clock }: DoorParts,
  more: { readonly trustedProxies: readonly string[]; readonly otherwise: RequestHandler },
): RequestHandler {
  const trusted = trustedProxyList(more.trustedProxies);
  return (request, response) => {
    if (!isRegistryUrl(request.url ?? '')) {
      more.otherwise(request, response);
      return;
    }
    if (fastPath.tryAnswer(request, response)) return;
    void registry.handle(requestContext(request, response, { trusted, now: clock.monotonic() }));
  };
}

/** Whether a request's target is the registry's, and not one of the pages beside it. The client controls it. */
function isRegistryUrl(url: string): boolean {
  return url.startsWith('/v2/') || url === '/v2' || url.startsWith('/v2?');
}
