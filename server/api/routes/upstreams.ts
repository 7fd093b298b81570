import { checkSettings } from '../../config/checks.ts';
import { upstream as upstreamSchema } from '../../config/schema.ts';
import type { UpstreamInput } from '../../config/schema.ts';
import { RequestError } from '../../errors.ts';
import type { ActiveUpstream } from '../../upstream/upstream-set.ts';
import type { Actor, Admin, Handlers } from '../call.ts';
import { recordChange } from '../change-record.ts';
import type { UpstreamView } from '../contract.ts';
import { InvalidInput } from '../problems.ts';
import { describeChange, describeUpstream, withKeptProxy, writtenSettings } from '../upstream-view.ts';

type Routes =
  | 'listUpstreams'
  | 'addUpstream'
  | 'updateUpstream'
  | 'removeUpstream'
  | 'orderUpstreams'
  | 'setDefaultUpstream'
  | 'retryUpstream'
  | 'testUpstream';

/** A test is over after this, whatever the upstream does. */
const testLimitMs = 60_000;

/** The upstreams: list, add, change, remove, test. */
export function upstreamRoutes(admin: Admin): Pick<Handlers, Routes> {
  const { upstreams } = admin.parts;
  return {
    listUpstreams: () => ({ upstreams: viewAll(admin), locked: upstreams.isLocked }),

    addUpstream: async ({ written, actor }) => {
      assertSound(admin, written);
      const added = await upstreams.add(written);
      const { name } = added.settings;
      const defaults = writtenSettings(upstreamSchema.parse({ name }));
      record(
        admin,
        actor,
        name,
        `added; ${describeChange(defaults, writtenSettings(added.settings), 'all settings by default')}`,
      );
      return viewOf(admin, name);
    },

    updateUpstream: async ({ query: { name }, written, actor }) => {
      const before = found(admin, name).settings;
      const input = withKeptProxy(written, before);
      assertSound(admin, input);
      const { settings } = await upstreams.update(name, input);
      record(admin, actor, name, describeChange(writtenSettings(before), writtenSettings(settings)));
      return viewOf(admin, name);
    },

    removeUpstream: async ({ query: { name }, actor }) => {
      await upstreams.remove(name);
      record(admin, actor, name, 'removed; what is cached from it stays');
      return { ok: true };
    },

    orderUpstreams: ({ body: { names }, actor }) => {
      const before = upstreams.list().map(({ settings }) => settings.name);
      upstreams.reorder(names);
      const detail = `order: ${before.join(', ')} → ${names.join(', ')}`.slice(0, 1000);
      recordChange(admin.parts, actor, { event: 'config_change', subject: 'upstreams', detail });
      return { ok: true };
    },

    setDefaultUpstream: ({ body: { name }, actor }) => {
      upstreams.setDefault(name);
      record(admin, actor, name, 'made the default');
      return { ok: true };
    },

    retryUpstream: ({ body: { name } }) => {
      found(admin, name).client.retryNow();
      admin.parts.manifestCache.forgetAbsences();
      admin.parts.blobCache.forgetAbsences();
      return { ok: true };
    },

    testUpstream: async ({ written, signal }) => ({ steps: await test(admin, written, signal) }),
  };
}

/** All upstreams as the window shows them. */
function viewAll({ parts, inventory }: Admin): UpstreamView[] {
  const { upstreams } = parts;
  const held = inventory.list.perUpstream();
  return upstreams.list().map((upstream, position) =>
    describeUpstream(upstream, {
      isDefault: upstream.settings.name === upstreams.defaultName,
      isLocked: upstreams.isLocked,
      position,
      accounts: upstreams.accounts(upstream.settings.name),
      held: held.get(upstream.settings.name),
    }),
  );
}

/** One of them. @throws RequestError (NOT_FOUND) */
export function viewOf(admin: Admin, name: string): UpstreamView {
  const view = viewAll(admin).find((one) => one.name === name);
  if (view === undefined) throw unknownUpstream(name);
  return view;
}

function found({ parts }: Admin, name: string): ActiveUpstream {
  const upstream = parts.upstreams.find(name);
  if (upstream === undefined) throw unknownUpstream(name);
  return upstream;
}

function unknownUpstream(name: string): RequestError {
  return new RequestError('NOT_FOUND', `there is no upstream named ${name}`, { value: name });
}

/** What the schema can't see: URLs with passwords, a host that already means another upstream. @throws InvalidInput */
function assertSound({ parts }: Admin, input: UpstreamInput): void {
  const settings = upstreamSchema.parse(input);
  const others = parts.upstreams.list().map((upstream) => upstream.settings);
  const rest = others.filter((other) => other.name !== settings.name);
  const problems = checkSettings({}, [...rest, settings]).filter(({ path }) => path[1] === rest.length);
  if (problems.length > 0)
    throw new InvalidInput(problems.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`));
}

interface TestInput {
  readonly upstream: UpstreamInput;
  readonly repository?: string | undefined;
  readonly reference?: string | undefined;
  readonly testId?: string | undefined;
}

async function test(admin: Admin, input: TestInput, gone: AbortSignal) {
  const { upstreams } = admin.parts;
  const { repository, reference, testId } = input;
  const settings = withKeptProxy(input.upstream, upstreams.find(input.upstream.name)?.settings);
  assertSound(admin, settings);
  const client = upstreams.trial(settings);
  try {
    const steps = await client.test(
      {
        ...(repository === undefined ? {} : { repository }),
        ...(reference === undefined ? {} : { reference }),
        onStep: (step) => {
          if (testId !== undefined) admin.events.send('upstream-test', { testId, step });
        },
      },
      AbortSignal.any([gone, AbortSignal.timeout(testLimitMs)]),
    );
    return [...steps];
  } finally {
    await client.close();
  }
}

function record({ parts }: Admin, actor: Actor, name: string, detail: string): void {
  recordChange(parts, actor, { event: 'config_change', subject: `upstream ${name}`, detail });
}
