import type { RouteBody, RouteResponse, UpstreamView } from '../../../server/api/contract.ts';
import { planZotImport } from '../../../server/api/zot-config-plan.ts';
import { upstream as upstreamSchema } from '../../../server/config/schema.ts';

interface Upstreams {
  upstreams: UpstreamView[];
  readonly scenario: string;
}

function plan({ upstreams }: Upstreams, body: RouteBody<'previewZotConfig'>) {
  const existing = upstreams.map(({ settings }) => upstreamSchema.parse(settings));
  return planZotImport({ content: body.content, credentials: body.credentials ?? '' }, existing, {
    isDirectory: () => false,
  });
}

/** The mirror's own reading of the text, over the mock's upstreams. */
export function previewZotMock(
  state: Upstreams,
  body: RouteBody<'previewZotConfig'>,
): RouteResponse<'previewZotConfig'> {
  return { ...plan(state, body).preview, locked: state.scenario === 'locked' };
}

/** What was chosen is among the upstreams afterwards. */
export function importZotMock(state: Upstreams, body: RouteBody<'importZotConfig'>): RouteResponse<'importZotConfig'> {
  const { inputs } = plan(state, body);
  const names = new Map(body.entries.map(({ name, onConflict }) => [name, onConflict]));
  const known = new Set(state.upstreams.map(({ name }) => name));
  const chosen = inputs.filter(({ name }) => names.has(name));
  const taken = chosen.filter(({ name }) => !known.has(name) || names.get(name) === 'replace');
  const [template] = state.upstreams;
  state.upstreams = [
    ...state.upstreams.filter(({ name }) => !taken.some((input) => input.name === name)),
    ...taken.flatMap(({ accounts: _accounts, ...settings }): UpstreamView[] =>
      template === undefined
        ? []
        : [{ ...template, name: settings.name, isDefault: false, locked: false, position: 90, settings, accounts: [] }],
    ),
  ];
  return {
    added: taken.map(({ name }) => name).filter((name) => !known.has(name)),
    replaced: taken.map(({ name }) => name).filter((name) => known.has(name)),
    skipped: chosen.filter((input) => !taken.includes(input)).map(({ name }) => name),
  };
}

/** Nothing is imported here; the window does not ask for it. */
export const noDataImport: RouteResponse<'getZotImport'> = {
  state: 'idle',
  directory: '',
  dryRun: false,
  progress: { repositories: 0, repositoriesTotal: 0, blobs: 0, bytes: 0 },
  repositories: [],
  repositoriesDone: 0,
  passedOver: [],
};
