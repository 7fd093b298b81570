import { FakeUpstream } from './fake-upstream/upstream.ts';
import type { FakeUpstreamOptions } from './fake-upstream/upstream.ts';
import { atTestEnd } from './cleanup.ts';

/**
 * A running registry to script: `add` graphs, bend answers with `script`, ask `count` and `downloads`. Stopped by
 * itself at the end of the test that started it; started in `beforeAll`, the caller stops it.
 */
export async function startFakeUpstream(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const upstream = new FakeUpstream(options);
  await upstream.start(options.port);
  atTestEnd(() => upstream.stop());
  return upstream;
}
