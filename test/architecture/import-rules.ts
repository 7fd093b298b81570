/**
 * Who may import whom, as data. Imports go down only:
 *
 *     edges   registry/ api/                              the only ones that know HTTP status codes
 *     work    clients/                                    use cases: know the actor, write audit
 *     core    cache/                                      where upstream, policy, trust and storage meet
 *     parts   upstream/ storage/ audit/ tls/ access/ http/ …
 *     base    db/ config/
 *     ground  oci/ lib/ errors.ts                         import nothing above
 */
export interface ImportRule {
  /** What a file belongs to: the first rule whose path is the file, or a folder above it, wins. */
  readonly path: string;
  /** Paths (a file, or a folder with `/` at its end) it may import besides its own. */
  readonly may: readonly string[];
  /** Paths it may import types from, and nothing that exists at run time. */
  readonly mayTypes?: readonly string[];
}

const errors = 'server/errors.ts';
const contract = 'server/api/contract.ts';
/** The contract in pieces, one per screen. */
const contractPieces = ['storage', 'history', 'zot', 'policy', 'trust', 'audit'].map(
  (name) => `server/api/contract-${name}.ts`,
);
const app = 'server/app.ts';
/** The composition root in pieces. */
const appPieces = [
  'server/app-parts.ts',
  'server/rehearsal.ts',
  'server/mirror-status.ts',
  'server/pull-example.ts',
  'server/app-housekeeping.ts',
  'server/app-policy.ts',
  'server/app-registry.ts',
  'server/app-scrub.ts',
  'server/app-session.ts',
  'server/app-room.ts',
  'server/app-audit.ts',
];
const appTypes = 'server/app.types.ts';
const fromFlags = 'server/app-from-flags.ts';

const ground = ['server/oci/', 'server/lib/', errors];
const base = [...ground, 'server/db/', 'server/config/'];
const parts = [
  'server/upstream/',
  'server/storage/',
  'server/policy/',
  'server/trust/',
  'server/audit/',
  'server/scheduler/',
  'server/tls/',
  'server/access/',
  'server/http/',
];
const core = ['server/cache/'];
const work = ['server/sync/', 'server/bundle/', 'server/clients/'];
const edges = ['server/registry/', 'server/marketplace/', 'server/zoi/', 'server/api/'];
const cli = ['server/cli/', app, 'server/config/', 'server/lib/', contract, errors];
const belowEdges = [...base, ...parts, ...core, ...work];

/** In order; the first that matches a file is its rule. */
export const importRules: readonly ImportRule[] = [
  { path: errors, may: [] },
  { path: 'server/lib/', may: [errors] },
  { path: 'server/oci/', may: [errors, 'server/lib/'] },

  { path: 'server/config/', may: ground },
  { path: 'server/db/', may: ground },

  ...parts.map((path): ImportRule => ({ path, may: base })),
  ...core.map((path): ImportRule => ({ path, may: [...base, ...parts] })),
  ...work.map((path): ImportRule => ({ path, may: [...base, ...parts, ...core] })),

  // the contract is read by the renderer too: nothing but schemas below it
  ...[contract, ...contractPieces].map((path): ImportRule => ({
    path,
    may: [
      'server/config/schema.ts',
      'server/config/quantities.ts',
      'server/oci/',
      errors,
      'server/audit/events.ts',
      ...(path === contract ? contractPieces : []),
    ],
  })),
  { path: 'server/registry/', may: belowEdges },
  { path: 'server/marketplace/', may: belowEdges },
  { path: 'server/zoi/', may: belowEdges },
  // the tester must give the registry's own answer, so it asks the same pure function
  {
    path: 'server/api/routes/match.ts',
    may: [...belowEdges, 'server/api/', 'server/registry/namespaces.ts'],
  },
  {
    path: 'server/api/routes/policy.ts',
    may: [...belowEdges, 'server/api/', 'server/registry/namespaces.ts'],
  },
  // nor may a repository be made that the registry would not let anybody push to
  {
    path: 'server/api/routes/repositories.ts',
    may: [...belowEdges, 'server/api/', 'server/registry/push-rule.ts'],
  },
  // so must the import, which puts content under the names the registry will look for
  {
    path: 'server/api/routes/zot-data.ts',
    may: [...belowEdges, 'server/api/', 'server/registry/namespaces.ts'],
  },
  // "which rule matches" is the registry's own answer, and a deletion clears its memory: objects the root hands over
  {
    path: 'server/api/',
    may: belowEdges,
    mayTypes: [appTypes, 'server/registry/namespaces.ts', 'server/registry/hot-answers.ts'],
  },

  {
    path: appTypes,
    may: [],
    mayTypes: [contract, 'server/lib/clock.ts', 'server/config/schema.ts', 'server/upstream/secret-box.ts'],
  },
  // the composition root builds everything once; nothing but the entries imports it
  ...[app, ...appPieces].map((path): ImportRule => ({ path, may: [...belowEdges, ...edges, appTypes, ...appPieces] })),
  // what the desktop app starts: `serve` without a command line of its own
  { path: fromFlags, may: [...cli], mayTypes: [appTypes] },
  // the doctor looks at what `serve` would open, without starting it
  { path: 'server/cli/diagnostics.ts', may: [...cli, 'server/db/', 'server/storage/layout.ts', 'server/tls/'] },
  // a log is proved without the mirror that wrote it
  {
    path: 'server/cli/audit.ts',
    may: [...cli, 'server/audit/', 'server/db/', 'server/storage/layout.ts'],
  },
  // certificates are checked with all other flags, before anything starts
  { path: 'server/cli/settings.ts', may: [...cli, 'server/tls/'] },
  // a policy is checked before anything starts, and without a data directory
  { path: 'server/cli/policy-file.ts', may: [...cli, 'server/policy/'] },
  { path: 'server/cli/', may: cli, mayTypes: [appTypes] },

  { path: 'electron/preload.ts', may: ['electron/desktop-api.ts'] },
  { path: 'electron/', may: [fromFlags], mayTypes: [appTypes, contract] },
  { path: 'renderer/', may: [contract], mayTypes: ['electron/desktop-api.ts'] },

  { path: 'build/', may: ['server/'] },
  { path: 'test/', may: ['server/', 'electron/', 'renderer/', 'build/'] },
  { path: 'vitest.config.ts', may: [] },
];

/** Packages and values with one owner; everybody else goes through it. Tests and the benchmark are free. */
export const owners: readonly { readonly what: string; readonly only: readonly string[] }[] = [
  { what: 'better-sqlite3', only: ['server/db/database.ts'] },
  { what: 'undici', only: ['server/upstream/transport.ts'] },
  { what: 'electron', only: ['electron/'] },
  { what: 'semver', only: ['server/config/version-range.ts'] },
  {
    what: 'process.env',
    only: ['server/config/load.ts', 'server/cli/main.ts', fromFlags, 'electron/main.ts', 'build/'],
  },
  { what: 'process.argv', only: ['server/config/load.ts', 'server/cli/main.ts', 'electron/main.ts', 'build/'] },
  // the desktop shell may import nothing but server/app.ts, so its entry hands it the time
  { what: 'Date.now', only: ['server/lib/clock.ts', 'electron/main.ts', 'renderer/', 'build/'] },
];

/** Where parts may be brought together: the core, and the composition root that builds them. */
export const meetingPlaces = ['server/cache/', app, ...appPieces];

/** The parts that nobody else brings together. */
export const meetInCoreOnly = ['server/upstream/', 'server/policy/', 'server/trust/', 'server/storage/'];
