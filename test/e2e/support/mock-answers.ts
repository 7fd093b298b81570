import type { z } from 'zod';
import type {
  RepositoryRow,
  RequestRow,
  RouteBody,
  RouteName,
  RouteResponse,
  Status,
  StreamEvent,
  StreamEventName,
  UpstreamView,
  routes,
} from '../../../server/api/contract.ts';
import {
  dashboardFixture,
  digestOf,
  manifestFixture,
  manifestsFixture,
  minute,
  repositoriesFixture,
  requestsFixture,
  statusFixture,
  tagsFixture,
  upstreamsFixture,
} from './fixtures.ts';
import {
  createRepositoryMock,
  newHistory,
  pushInstructionsMock,
  restoreMock,
  rollbackMock,
  tagHistoryMock,
  withHeld,
} from './mock-history.ts';
import type { HistoryState } from './mock-history.ts';
import { MockPolicy } from './mock-policy.ts';
import { MockRetention } from './mock-retention.ts';
import { MockScrub } from './mock-scrub.ts';
import { auditAnswers } from './mock-audit.ts';
import { gcAnswers } from './mock-gc.ts';
import { MockProblem } from './mock-problem.ts';
import { storageAnswers } from './mock-storage.ts';
import { importZotMock, noDataImport, previewZotMock } from './mock-zot.ts';

/** What the mock answers, and how changes change it. */

export type Scenario = 'busy' | 'empty' | 'many' | 'locked' | 'failing';

export interface MockState {
  readonly scenario: Scenario;
  readonly now: number;
  status: Status;
  requests: RequestRow[];
  upstreams: UpstreamView[];
  repositories: RepositoryRow[];
  /** References that were deleted, as repository and reference. */
  readonly deleted: Set<string>;
  readonly pinned: Map<string, boolean>;
  readonly history: HistoryState;
  readonly policy: MockPolicy;
  readonly retention: MockRetention;
  readonly scrub: MockScrub;
}

const mib = 2 ** 20;

/** The state a scenario begins with. */
export function newState(scenario: Scenario): MockState {
  const now = Date.now();
  const isEmpty = scenario === 'empty';
  const status = statusFixture(now);
  return {
    scenario,
    now,
    status: isEmpty
      ? {
          ...status,
          state: 'running',
          attention: [],
          activeTransfers: 0,
          clientsLast10Min: 0,
          disk: { ...status.disk, contentBytes: 0 },
        }
      : status,
    requests: isEmpty ? [] : requestsFixture(now, scenario === 'many' ? 1000 : 120),
    upstreams: isEmpty ? [] : upstreamsFixture(now),
    repositories: isEmpty ? [] : repositoriesFixture(now, scenario === 'many' ? 700 : 0),
    deleted: new Set(),
    pinned: new Map(),
    history: newHistory(now, isEmpty),
    policy: new MockPolicy(now, scenario),
    retention: new MockRetention(now, scenario),
    scrub: new MockScrub(now, isEmpty),
  };
}

type Send = <N extends StreamEventName>(name: N, data: StreamEvent<N>) => void;
type Answer<N extends RouteName> = (
  state: MockState,
  query: z.output<(typeof routes)[N]['query']>,
  body: RouteBody<N>,
  send: Send,
) => RouteResponse<N> | Promise<RouteResponse<N>>;
type Answers = { readonly [N in RouteName]: Answer<N> };

const ok = { ok: true } as const;

const answers: Answers = {
  ...auditAnswers,
  ...gcAnswers,
  ...storageAnswers,
  getPolicy: (state) => state.policy.get(),
  setPolicy: (state, _query, body) => state.policy.set(body),
  lintPolicy: (state, _query, body) => state.policy.lint(body),
  testPolicy: (state, _query, body) => state.policy.test(body),
  replayPolicy: (state, _query, body) => state.policy.replay(body),
  getRetention: (state) => state.retention.get(),
  setRetention: (state, _query, body) => state.retention.set(body),
  applyRetention: (state, _query, body) => state.retention.apply(body),
  getScrub: (state) => state.scrub.get(),
  startScrub: (state) => state.scrub.start(state.now),
  stopScrub: (state) => state.scrub.stop(),
  repairDamaged: (state) => state.scrub.repair(state.now),
  getStatus: (state) => state.status,
  setOffline: (state, _query, body) => {
    state.status = { ...state.status, offline: body.offline };
    return ok;
  },
  setServing: (state, _query, body) => {
    state.status = { ...state.status, listening: body.serving, state: body.serving ? 'running' : 'stopped' };
    return ok;
  },
  getDashboard: (state, query) => {
    const [points, interval] =
      query.range === '1h' ? [60, minute] : query.range === '24h' ? [96, 15 * minute] : [84, 120 * minute];
    const dashboard = dashboardFixture(state.now, points, interval);
    if (state.scenario !== 'empty') return dashboard;
    const zero = { requests: 0, hits: 0, misses: 0, stale: 0, failed: 0, bytesServed: 0, bytesFetched: 0 };
    return {
      ...dashboard,
      series: dashboard.series.map(({ at }) => ({ at, ...zero })),
      today: { requests: 0, hitRatio: null, bytesServed: 0, bytesFetched: 0, bytesSaved: 0, clients: 0, failed: 0 },
      clients: [],
      upstreams: [],
      quotas: [],
    };
  },
  listRequests: (state, query) => ({ requests: state.requests.slice(0, query.limit) }),
  searchAudit: (state, query) => {
    const rows = state.requests
      .map((row, index) => ({ ...row, row: state.requests.length - index }))
      .filter(
        (row) =>
          JSON.stringify(row).includes(query.text) && (query.outcome === undefined || row.outcome === query.outcome),
      )
      .filter(
        (row) =>
          (query.digest === undefined || row.digest === query.digest) &&
          (query.event === undefined || row.event === query.event),
      )
      .filter((row) => query.before === undefined || row.row < query.before);
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    return { rows: page, ...(rows.length > page.length && last !== undefined ? { next: last.row } : {}) };
  },
  listUpstreams: (state) => {
    const isLocked = state.scenario === 'locked';
    return { upstreams: state.upstreams.map((one) => ({ ...one, locked: one.locked || isLocked })), locked: isLocked };
  },
  addUpstream: (state, _query, body) => {
    if (state.upstreams.some((one) => one.name === body.name))
      throw new MockProblem(409, 'CONFLICT', `There is already an upstream named ${body.name}.`);
    const { accounts: _accounts, ...settings } = body;
    const view: UpstreamView = {
      name: body.name,
      isDefault: false,
      locked: false,
      position: state.upstreams.length,
      settings,
      accounts: [],
      health: { state: 'unknown', requests: 0, failures: 0, bytesReceived: 0 },
      repositories: 0,
      contentBytes: 0,
    };
    state.upstreams = [...state.upstreams, view];
    return view;
  },
  updateUpstream: (state, query, body) => changeUpstream(state, query.name, (one) => ({ ...one, settings: body })),
  removeUpstream: (state, query) => {
    state.upstreams = state.upstreams.filter((one) => one.name !== query.name);
    return ok;
  },
  orderUpstreams: (state, _query, body) => {
    state.upstreams = state.upstreams.map((one) => ({ ...one, position: body.names.indexOf(one.name) }));
    return ok;
  },
  setDefaultUpstream: (state, _query, body) => {
    state.upstreams = state.upstreams.map((one) => ({ ...one, isDefault: one.name === body.name }));
    return ok;
  },
  addAccount: (state, query, body) =>
    changeUpstream(state, query.name, (one) => ({
      ...one,
      accounts: [
        ...one.accounts,
        {
          path: body.path ?? '',
          username: body.username ?? '',
          kind: (body.registryToken ?? '') === '' ? 'password' : 'token',
        },
      ],
    })),
  removeAccount: (state, query) =>
    changeUpstream(state, query.name, (one) => ({
      ...one,
      accounts: one.accounts.filter((account) => account.path !== query.path || account.username !== query.username),
    })),
  importDockerConfig: (_state, _query, body) => {
    if (!body.content.includes('auths'))
      throw new MockProblem(400, 'REQUEST_INVALID', 'The text is not a Docker config.json: it has no "auths".');
    return {
      imported: ['docker.io'],
      skipped: [{ host: 'ghcr.io', reason: 'the login is kept by the credential helper "desktop"' }],
    };
  },
  previewZotConfig: (state, _query, body) => previewZotMock(state, body),
  importZotConfig: (state, _query, body) => importZotMock(state, body),
  importZotData: () => noDataImport,
  getZotImport: () => noDataImport,
  cancelZotImport: () => noDataImport,
  testUpstream: async (_state, _query, body, send) => {
    const isBad = body.upstream.name.includes('bad');
    const steps: RouteResponse<'testUpstream'>['steps'] = [
      { step: 'dns', state: 'passed', durationMs: 12, detail: '104.18.12.7 and 1 more' },
      { step: 'tcp', state: 'passed', durationMs: 18, detail: 'connected to port 443' },
      isBad
        ? {
            step: 'tls',
            state: 'failed',
            durationMs: 31,
            detail: 'the certificate is signed by an authority this machine does not know: Corporate Inspection CA',
          }
        : { step: 'tls', state: 'passed', durationMs: 41, detail: 'signed by Let’s Encrypt R11, valid for 61 days' },
      {
        step: 'token',
        state: isBad ? 'skipped' : 'passed',
        durationMs: 88,
        detail: isBad ? 'not tried' : 'anonymous token received',
      },
      {
        step: 'pull',
        state: isBad ? 'skipped' : 'passed',
        durationMs: 120,
        detail: isBad ? 'not tried' : 'manifest of 1,612 bytes, digest verified',
      },
      {
        step: 'quota',
        state: isBad ? 'skipped' : 'passed',
        durationMs: 0,
        detail: isBad ? 'not tried' : '98 of 100 pulls left, counted on 203.0.113.7',
      },
    ];
    for (const step of steps) {
      await new Promise((done) => setTimeout(done, 60));
      if (body.testId !== undefined) send('upstream-test', { testId: body.testId, step });
    }
    return { steps };
  },
  retryUpstream: (state, _query, body) => {
    changeUpstream(state, body.name, (one) => ({
      ...one,
      health: { state: 'ok', lastSuccessAt: Date.now(), requests: 91, failures: 4, bytesReceived: 1 },
    }));
    return ok;
  },
  matchReference: (state, query) => {
    const [host = '', ...rest] = query.reference.split('/');
    const upstream = state.upstreams.find((one) => one.name === host);
    const repository = rest.join('/').replace(/[:@].*$/, '');
    if (upstream !== undefined) {
      return {
        reference: query.reference,
        rule: 'prefix',
        explanation: `The first part, ${host}, is the name of an upstream.`,
        repository: `${host}/${repository}`,
        upstream: host,
        upstreamRepository: repository,
        held: true,
      };
    }
    return {
      reference: query.reference,
      rule: 'default',
      explanation: 'No upstream is named, so the default upstream, ghcr.io, is asked.',
      repository: `ghcr.io/${query.reference.replace(/[:@].*$/, '')}`,
      upstream: 'ghcr.io',
      upstreamRepository: query.reference.replace(/[:@].*$/, ''),
      held: false,
    };
  },
  listRepositories: (state, query) => {
    if (state.scenario === 'failing')
      throw new MockProblem(500, 'STORAGE_FAILED', 'The database could not be read: disk I/O error.');
    const matching = state.repositories.filter(
      (one) =>
        (one.name.includes(query.text) || query.text.startsWith('sha256:')) &&
        (query.upstream === undefined || (one.upstream ?? 'local') === query.upstream),
    );
    const sorted = query.sort === 'bytes' ? matching.toSorted((a, b) => b.bytes - a.bytes) : matching;
    const start = query.after === undefined ? 0 : Number(query.after);
    const page = sorted.slice(start, start + query.limit);
    const next = start + page.length;
    return { repositories: page, total: matching.length, ...(next < sorted.length ? { next: String(next) } : {}) };
  },
  getRepository: (state, query) => {
    const repository = findRepository(state, query.repository);
    const isHeld = (reference: string): boolean => !state.deleted.has(`${repository.name} ${reference}`);
    return {
      repository,
      tags: tagsFixture(state.now, repository)
        .filter(({ tag }) => isHeld(tag))
        .map((one) => ({ ...one, pinned: state.pinned.get(`${repository.name} ${one.tag}`) ?? one.pinned }))
        .map((one) => withHeld(state, repository.name, one)),
      untagged: manifestsFixture(state.now, repository, 'image', repository.manifests === 0 ? 0 : 2).filter(
        ({ digest }) => isHeld(digest),
      ),
      artifacts: manifestsFixture(state.now, repository, 'signature', repository.manifests === 0 ? 0 : 1),
    };
  },
  getSignatures: (state, { repository }) => ({
    repository,
    digest: digestOf(repository),
    state: 'not-checked',
    detail: 'the policy trusts no key, identity or trust store',
    signatures: [],
    checkedAt: state.now,
  }),
  getManifest: (state, query) => {
    const manifest = manifestFixture(state.now, findRepository(state, query.repository), query.reference);
    return {
      ...manifest,
      pinned: state.pinned.get(`${query.repository} ${query.reference}`) ?? manifest.pinned,
    };
  },
  pin: (state, _query, body) => {
    state.pinned.set(`${body.repository} ${body.reference ?? ''}`, body.pinned);
    return ok;
  },
  refreshTag: (_state, _query, body) => ({
    digest: digestOf(body.reference),
    changed: body.reference === 'latest',
  }),
  previewDelete: (state, query) => ({
    items: [query.reference === undefined ? query.repository : `${query.repository}:${query.reference}`],
    itemsTotal: 1,
    ...(query.freeNow
      ? { freedBytes: 70 * mib, keptBytes: 0 }
      : { freedBytes: 0, keptBytes: 70 * mib, keptUntil: state.now + 30 * 24 * 60 * minute }),
  }),
  getTagHistory: (state, query) => tagHistoryMock(state, findRepository(state, query.repository), query.tag),
  rollbackTag: (state, _query, body) => rollbackMock(state, findRepository(state, body.repository), body),
  releaseTag: (state, _query, body) => {
    state.history.held.delete(`${body.repository} ${body.tag}`);
    return tagHistoryMock(state, findRepository(state, body.repository), body.tag);
  },
  listDeleted: (state, query) => ({
    rows: state.history.deleted.filter(({ repository }) => repository.includes(query.text)),
  }),
  restoreDeleted: (state, _query, body) => restoreMock(state, body),
  createRepository: (state, _query, body) => createRepositoryMock(state, body.repository),
  getPushInstructions: (_state, query) => pushInstructionsMock(query.repository),
  deleteContent: (state, _query, body, send) => {
    state.deleted.add(`${body.repository} ${body.reference ?? ''}`);
    if (body.reference === undefined)
      state.repositories = state.repositories.filter((one) => one.name !== body.repository);
    send('cache', { repositories: [body.repository] });
    return { items: [], itemsTotal: 1, freedBytes: body.freeNow === true ? 70 * mib : 0, keptBytes: 70 * mib };
  },
};

function changeUpstream(state: MockState, name: string, change: (view: UpstreamView) => UpstreamView): UpstreamView {
  const found = state.upstreams.find((one) => one.name === name);
  if (found === undefined) throw new MockProblem(404, 'NOT_FOUND', `There is no upstream named ${name}.`);
  const changed = change(found);
  state.upstreams = state.upstreams.map((one) => (one.name === name ? changed : one));
  return changed;
}

function findRepository(state: MockState, name: string): RepositoryRow {
  const found = state.repositories.find((one) => one.name === name);
  if (found === undefined) throw new MockProblem(404, 'NAME_UNKNOWN', `${name} is not held.`);
  return found;
}

/** The answer of one route; query and body have been checked against its schemas. */
export async function answer(
  state: MockState,
  route: RouteName,
  call: { readonly query: unknown; readonly body: unknown },
  send: Send,
): Promise<unknown> {
  const reply = answers[route] as (state: MockState, query: unknown, body: unknown, send: Send) => unknown;
  return await reply(state, call.query, call.body, send);
}
