import { formatAddress } from './address.ts';
import { compileRule, describeRule } from './content-rules.ts';
import { formatDuration } from './quantities.ts';
import { contentRule } from './schema.ts';
import type { SettingsInput, UpstreamInput } from './schema.ts';
import { noCredentials, parseZotCredentials } from './zot-credentials.ts';
import type { ZotCredentials } from './zot-credentials.ts';
import { parseLenientJson, placeIn } from './zot-json.ts';
import type { JsonNode } from './zot-json.ts';
import { readRegistries } from './zot-registry.ts';
import type { ZotRegistry } from './zot-registry.ts';
import { ZotSection } from './zot-section.ts';
import { readZotStorage } from './zot-storage.ts';
import type { NotHonoured, ZotDisk, ZotFindings } from './zot-section.ts';

/** What a zot configuration means here. */
export interface ZotReading {
  /** Settings as the settings file would write them; flags and the settings file win over them. */
  readonly settingsPatch: SettingsInput;
  /** Everything that is not done as zot would, in the file's order. */
  readonly notHonoured: readonly NotHonoured[];
  /** What was read another way than it is written, each with `file:line:column`. */
  readonly warnings: readonly string[];
  /** Why it can't be used at all, each with `file:line:column`; then the rest means little. */
  readonly problems: readonly string[];
  readonly registries: readonly ZotRegistry[];
  /** Where zot keeps content, absolute: its root, then those of its sub-paths. */
  readonly storageRoots: readonly string[];
}

const noDisk: ZotDisk = { resolve: (path) => path, read: () => undefined, isDirectory: () => false };

/**
 * Reads a zot configuration: a whole file, or a piece of one (`"sync": {…}`, one registry). Nothing is fetched or
 * written, and nobody but the registries it names is asked: names that no content rule matches lead nowhere. PURE.
 */
export function loadZotConfig(text: string, path: string, disk: ZotDisk = noDisk): ZotReading {
  const { root, notes, fault } = parseLenientJson(text);
  const findings: ZotFindings = { notHonoured: [], warnings: [], problems: [] };
  findings.warnings.push(...notes);
  if (fault !== undefined) findings.problems.push(fault);
  const read =
    root === undefined
      ? { settingsPatch: {}, registries: [], storageRoots: [] }
      : readRoot(wholeFile(root, findings), disk);
  const at = (offset: number): string => {
    const { line, column } = placeIn(text, offset);
    return `${path}:${String(line)}:${String(column)}`;
  };
  const sentence = (note: { readonly offset: number; readonly message: string }): string =>
    `${at(note.offset)}: ${note.message}.`;
  return {
    ...read,
    notHonoured: findings.notHonoured.toSorted(byOffset).map(({ offset: _, ...entry }) => entry),
    warnings: findings.warnings.toSorted(byOffset).map(sentence),
    problems: findings.problems.toSorted(byOffset).map(sentence),
  };
}

/** What one registry entry becomes, for a person to look at before it is used. */
export interface ZotRegistryPreview {
  readonly urls: readonly string[];
  readonly upstreams: readonly string[];
  readonly isFetched: boolean;
  readonly rules: readonly {
    readonly text: string;
    /** A repository of the upstream and its name here, to make the rule plain. */
    readonly example: { readonly upstream: string; readonly here: string } | undefined;
    readonly tags: string | undefined;
  }[];
}

export interface ZotPreview {
  readonly registries: readonly ZotRegistryPreview[];
  readonly notHonoured: readonly NotHonoured[];
  readonly warnings: readonly string[];
  readonly problems: readonly string[];
}

/** What {@link loadZotConfig} would change, without secrets. PURE. */
export function previewZot(text: string, path: string, disk?: ZotDisk): ZotPreview {
  const { registries, notHonoured, warnings, problems } = loadZotConfig(text, path, disk);
  return { registries: registries.map(previewRegistry), notHonoured, warnings, problems };
}

function previewRegistry({ urls, upstreams }: ZotRegistry): ZotRegistryPreview {
  const [first] = upstreams;
  return {
    urls,
    upstreams: upstreams.map(({ name }) => name),
    isFetched: first?.onDemand === true,
    rules: first === undefined ? [] : previewRules(first),
  };
}

/** An upstream's content rules with an example each, to make them plain. PURE. */
export function previewRules({ content = [] }: Pick<UpstreamInput, 'content'>): ZotRegistryPreview['rules'] {
  return content.flatMap((input) => {
    const rule = contentRule.safeParse(input).data;
    if (rule === undefined) return [];
    const upstream = rule.prefix.replace(/^\/+|\/+$/g, '').replace(/\*+/g, 'app');
    const here = compileRule(rule).destinationOf(upstream);
    return [
      {
        text: describeRule(rule),
        example: here === undefined ? undefined : { upstream, here },
        tags: tagText(rule.tags),
      },
    ];
  });
}

function tagText(tags: {
  readonly regex: string;
  readonly excludeRegex: string;
  readonly semver: boolean;
}): string | undefined {
  const parts = [
    ...(tags.regex === '' ? [] : [`matching ${tags.regex}`]),
    ...(tags.excludeRegex === '' ? [] : [`not matching ${tags.excludeRegex}`]),
    ...(tags.semver ? ['semantic versions'] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}

/** A piece of a file is put where it belongs in a whole one. */
function wholeFile(root: JsonNode, findings: ZotFindings): ZotSection {
  const { offset } = root;
  const wrap = (key: string, value: JsonNode): JsonNode & { readonly kind: 'object' } => ({
    kind: 'object',
    offset,
    members: [{ key, offset, value }],
  });
  const known = ['storage', 'http', 'log', 'extensions', 'sync', 'registries', 'urls'];
  const keys = root.kind === 'object' ? new Set(root.members.map(({ key }) => key.toLowerCase())) : new Set<string>();
  const isRegistry = keys.has('urls');
  const list: JsonNode = isRegistry ? { kind: 'array', offset, items: [root] } : root;
  let whole: JsonNode = root;
  if (root.kind === 'array' || isRegistry) whole = wrap('extensions', wrap('sync', wrap('registries', list)));
  else if (keys.has('registries')) whole = wrap('extensions', wrap('sync', root));
  else if (keys.has('sync')) whole = wrap('extensions', root);
  if (root.kind === 'object' && !known.some((key) => keys.has(key)))
    findings.problems.push({
      offset,
      message: 'this is not a zot configuration: it has no storage, http or extensions',
    });
  if (whole.kind === 'object') return new ZotSection(whole, '', findings);
  findings.problems.push({ offset, message: 'the file must be an object {…}' });
  return new ZotSection({ kind: 'object', offset, members: [] }, '', findings);
}

type Read = Pick<ZotReading, 'settingsPatch' | 'registries' | 'storageRoots'>;

function readRoot(root: ZotSection, disk: ZotDisk): Read {
  // it says which specification zot speaks; this mirror speaks 1.1 and what came before
  root.text('distSpecVersion');
  const storage = readZotStorage(root.section('storage'), disk);
  const patch: SettingsInput = {
    ...storage.patch,
    ...readHttp(root.section('http'), disk),
    ...readLog(root.section('log')),
  };
  const { registries, scrub } = readExtensions(root.section('extensions'), disk);
  root.ignore('cluster', 'this mirror is one process with its own folder');
  root.ignore('scheduler', 'this mirror schedules its work by itself');
  root.finish();
  const upstreams: UpstreamInput[] = registries.flatMap((registry) => registry.upstreams);
  const settingsPatch = { ...patch, ...(scrub === undefined ? {} : { scrub }), upstreamRegistry: '', upstreams };
  return { settingsPatch, registries, storageRoots: storage.roots };
}

const openToAll =
  'logins are not built yet, so whoever reaches the port could pull; take it out of the file to accept that';

function readHttp(section: ZotSection | undefined, disk: ZotDisk): SettingsInput {
  if (section === undefined) return {};
  const isGiven = section.has('address') || section.has('port');
  const host = section.text('address') ?? '127.0.0.1';
  const port = section.text('port') ?? '8080';
  if (!/^\d{1,5}$/.test(port)) section.wrong('port', 'must be a number');
  const tls = section.section('tls');
  const patch: SettingsInput = {
    ...(isGiven ? { listen: formatAddress({ host, port: Number(port) }) } : {}),
    ...(tls === undefined ? {} : { tls: readServerTls(tls, disk) }),
  };
  section.ignore('auth', openToAll, true);
  section.ignore('accessControl', openToAll, true);
  for (const key of ['compat', 'realm', 'allowOrigin', 'externalUrl', 'rateLimit'])
    section.ignore(key, 'this mirror has no setting for it; Docker manifests are always taken as they are');
  section.finish();
  return patch;
}

function readServerTls(section: ZotSection, disk: ZotDisk): NonNullable<SettingsInput['tls']> {
  const read = (key: string): string => {
    const given = section.text(key) ?? '';
    return given === '' ? '' : disk.resolve(given);
  };
  const tls = { cert: read('cert'), key: read('key'), clientCa: read('cacert') };
  section.finish();
  return tls;
}

const levels: Readonly<Record<string, 'trace' | 'debug' | 'info' | 'warn' | 'error'>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'error',
  panic: 'error',
};

function readLog(section: ZotSection | undefined): SettingsInput {
  if (section === undefined) return {};
  const written = section.text('level') ?? '';
  const level = levels[written.toLowerCase()];
  if (level === undefined && written !== '') section.notHonoured('level', `${JSON.stringify(written)} is not a level`);
  section.ignore('output', 'the log goes to standard error');
  section.ignore('audit', 'the audit log has its own place and form; --audit FILE moves it');
  section.finish();
  return level === undefined ? {} : { log: { level } };
}

/** Extensions that are something else here. */
const otherExtensions: Readonly<Record<string, string>> = {
  search: 'the window searches what is held',
  ui: 'the window is always there',
  mgmt: 'the window is always there',
  userprefs: 'the window keeps nothing per user',
  metrics: 'metrics have their own address here',
  lint: 'manifests are passed on as they are',
  trust: 'signatures are not checked yet',
  apikey: 'logins are not built yet',
  events: 'events are not sent; the audit log has them',
};

interface ZotExtensions {
  readonly registries: readonly ZotRegistry[];
  readonly scrub: SettingsInput['scrub'];
}

function readExtensions(section: ZotSection | undefined, disk: ZotDisk): ZotExtensions {
  if (section === undefined) return { registries: [], scrub: undefined };
  const sync = section.section('sync');
  const scrub = readScrub(section.section('scrub'));
  for (const [key, why] of Object.entries(otherExtensions)) section.ignore(key, why);
  section.finish();
  return { registries: sync === undefined ? [] : readSync(sync, disk), scrub };
}

function readScrub(section: ZotSection | undefined): SettingsInput['scrub'] {
  if (section === undefined) return undefined;
  const isOn = section.flag('enable') ?? true;
  const everyMs = section.duration('interval') ?? 0;
  section.finish();
  if (!isOn) return { every: '0s' };
  return everyMs === 0 ? undefined : { every: formatDuration(everyMs) };
}

function readSync(section: ZotSection, disk: ZotDisk): readonly ZotRegistry[] {
  const isEnabled = section.flag('enable') ?? true;
  const credentials = readCredentials(section, disk);
  const entries = section.sections('registries');
  section.ignore('downloadDir', 'downloads grow in the data directory, where they stay');
  section.finish();
  if (!isEnabled) {
    section.warn('enable', 'is false, so nothing is fetched from its registries');
    return [];
  }
  return readRegistries(entries, { credentials, disk });
}

function readCredentials(section: ZotSection, disk: ZotDisk): ZotCredentials {
  const given = section.text('credentialsFile') ?? '';
  if (given === '') return noCredentials;
  const text = disk.read(disk.resolve(given));
  const credentials = text === undefined ? undefined : parseZotCredentials(text);
  if (credentials === undefined)
    section.warn(
      'credentialsFile',
      text === undefined
        ? `${given} can't be read, so registries are asked without accounts`
        : `${given} is not {"host:port": {"username": …, "password": …}}, so registries are asked without accounts`,
    );
  return credentials ?? noCredentials;
}

function byOffset(one: { readonly offset: number }, other: { readonly offset: number }): number {
  return one.offset - other.offset;
}
