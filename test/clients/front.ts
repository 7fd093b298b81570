import type { CountingProxy } from '../support/counting-proxy.ts';
import { startMirrorProcess } from '../support/mirror-process.ts';
import type { MirrorProcess, MirrorProcessOptions } from '../support/mirror-process.ts';
import { registryMissing, startRegistry } from '../support/registry.ts';
import type { Registry } from '../support/registry.ts';
import { clientMissing } from '../support/clients.ts';
import type { ClientName } from '../support/clients/client.types.ts';

/** The built product in front of a real registry whose pulls are counted. */
export interface Front {
  readonly registry: Registry;
  readonly proxy: CountingProxy;
  readonly mirror: MirrorProcess;
  /** Ends and removes all of it; for a front opened in `beforeAll`. */
  close(): Promise<void>;
}

/** Starts a registry and a mirror whose default upstream `up.test` it is; stopped at the end of the test that called it. */
export async function openFront(options: (registryUrl: string) => MirrorProcessOptions = () => ({})): Promise<Front> {
  const registry = await startRegistry({ proxy: true });
  const mirror = await startMirrorProcess({ from: 'built', upstream: registry, ...options(registry.url) });
  const { proxy } = registry;
  if (proxy === undefined) throw new Error('the registry was started without its proxy');
  const close = async (): Promise<void> => {
    await mirror.remove();
    await registry.stop();
  };
  return { registry, proxy, mirror, close };
}

/** Why this client cannot be tried with a front here; undefined when it can. */
export function frontMissing(name: ClientName): string | undefined {
  return registryMissing() ?? clientMissing(name);
}

/** What of the upstream was asked, as `METHOD path`, in order. */
export function asked(proxy: CountingProxy): string[] {
  return proxy.requests.map(({ method, url }) => `${method} ${url}`);
}
