import { formatDuration } from './quantities.ts';
import { upstreamName } from './schema.ts';
import type { AccountInput, UpstreamInput } from './schema.ts';
import { canonicalHost, upstreamUrlProblem } from './upstream-text.ts';
import type { ZotCredentials } from './zot-credentials.ts';
import type { ZotDisk, ZotSection } from './zot-section.ts';

type ContentInput = NonNullable<UpstreamInput['content']>[number];

/** What one entry of `registries` becomes. */
export interface ZotRegistry {
  readonly urls: readonly string[];
  /** In the order they are asked; several where the URLs have accounts of their own. */
  readonly upstreams: readonly UpstreamInput[];
}

export interface RegistryContext {
  readonly credentials: ZotCredentials;
  readonly disk: ZotDisk;
}

interface Entry {
  readonly urls: readonly URL[];
  readonly upstreams: readonly (Omit<UpstreamInput, 'name'> & { readonly at: URL })[];
}

/** No retry is waited for longer than a pull waits for its upstream's headers. */
const patienceMs = 20_000;
const mostRetries = 10;

/** Reads `extensions.sync.registries`; names are given when all entries are known. */
export function readRegistries(sections: readonly ZotSection[], context: RegistryContext): readonly ZotRegistry[] {
  const entries = sections.map((section) => readEntry(section, context));
  const segments = new Set(entries.flatMap(({ upstreams }) => upstreams.flatMap(firstSegments)));
  const names = new Set<string>();
  return entries.map(({ urls, upstreams }) => ({
    urls: urls.map((url) => url.href.replace(/\/$/, '')),
    upstreams: upstreams.map(({ at, ...upstream }) => ({ name: giveName(at, names, segments), ...upstream })),
  }));
}

function readEntry(section: ZotSection, { credentials, disk }: RegistryContext): Entry {
  const urls = readUrls(section);
  const settings = readSettings(section, disk);
  const given = section.sections('content').map(readContent);
  // zot polls nothing without content, and mirrors everything on demand
  const content = given.length === 0 ? [{ prefix: '**' }] : given;
  nameLeftOut(section);
  const upstreams = groupByAccount(urls, credentials).map(({ at, members, account }) => ({
    at,
    urls: members.map(baseUrl),
    ...settings,
    content,
    ...(account === undefined ? {} : { accounts: [account] }),
  }));
  return { urls, upstreams };
}

/** First segments of the names that content rules make: an upstream of that name would take requests from them. */
function firstSegments({ content = [] }: Pick<UpstreamInput, 'content'>): readonly string[] {
  return content.map(({ destination = '', prefix }) =>
    `${destination}/${prefix}`.replace(/^\/+/, '').replace(/\/.*$/s, ''),
  );
}

function readUrls(section: ZotSection): readonly URL[] {
  const given = section.texts('urls');
  if (given.length === 0) section.wrong('urls', 'must name at least one URL');
  return given.flatMap(({ text, offset }) => {
    const written = text.includes('://') ? text.trim() : `https://${text.trim()}`;
    const problem = upstreamUrlProblem(written);
    if (problem === undefined) return [new URL(written)];
    section.problem(offset, `${section.path}.urls: a URL ${problem}`);
    return [];
  });
}

function readSettings(section: ZotSection, disk: ZotDisk): Partial<UpstreamInput> {
  const ttlMs = section.duration('manifestCheckInterval');
  const concurrent = section.count('reqConcurrent');
  return {
    onDemand: section.flag('onDemand') ?? false,
    ...(section.flag('onlySigned') === true ? { onlySigned: true } : {}),
    ...readRetries(section),
    ...readTls(section, disk),
    ...(ttlMs === undefined || ttlMs === 0 ? {} : { ttl: formatDuration(ttlMs) }),
    ...(concurrent === undefined || concurrent === 0 ? {} : { maxConcurrent: Math.min(concurrent, 1024) }),
  };
}

function readRetries(section: ZotSection): Partial<UpstreamInput> {
  const retries = section.count('maxRetries') ?? 0;
  const delayMs = section.duration('retryDelay');
  if (retries > mostRetries) section.warn('maxRetries', `is more than the ${String(mostRetries)} retries there can be`);
  if (retries > 0 && (delayMs ?? 0) >= patienceMs)
    section.warn(
      'retryDelay',
      'is longer than anybody waits for a pull; the next URL is asked at once, and the next pull is the retry',
    );
  return {
    maxRetries: Math.min(retries, mostRetries),
    ...(delayMs === undefined ? {} : { retryDelay: formatDuration(delayMs) }),
  };
}

function readTls(section: ZotSection, disk: ZotDisk): Partial<UpstreamInput> {
  const verify = section.flag('tlsVerify') ?? true;
  const given = section.text('certDir') ?? '';
  const directory = given === '' ? '' : disk.resolve(given);
  const isThere = directory !== '' && disk.isDirectory(directory);
  if (directory !== '' && !isThere)
    section.warn('certDir', `${given} does not exist, so no certificates of it are used`);
  return { tls: { verify, ...(isThere ? { certDirectory: directory } : {}) } };
}

function readContent(section: ZotSection): ContentInput {
  const prefix = section.text('prefix') ?? '';
  if (prefix.replaceAll('/', '') === '') section.wrong('prefix', 'must name repositories');
  const destination = section.text('destination');
  const stripPrefix = section.flag('stripPrefix');
  const tags = section.section('tags');
  const rule: ContentInput = {
    prefix: prefix === '' ? '**' : prefix,
    ...(destination === undefined ? {} : { destination }),
    ...(stripPrefix === undefined ? {} : { stripPrefix }),
    ...(tags === undefined ? {} : { tags: readTags(tags) }),
  };
  section.finish();
  return rule;
}

function readTags(section: ZotSection): NonNullable<ContentInput['tags']> {
  const regex = readExpression(section, 'regex');
  const excludeRegex = readExpression(section, 'excludeRegex');
  const semver = section.flag('semver');
  section.finish();
  return {
    ...(regex === undefined ? {} : { regex: anchored(section, regex) }),
    ...(excludeRegex === undefined ? {} : { excludeRegex }),
    ...(semver === undefined ? {} : { semver }),
  };
}

/** Go's way of writing an expression, where it differs in what people use. */
function readExpression(section: ZotSection, key: string): string | undefined {
  const given = section.text(key);
  if (given === undefined) return undefined;
  const [, flags, rest = given] = /^\(\?([ims]+)\)(.*)$/s.exec(given) ?? [];
  const named = rest.replaceAll('(?P<', '(?<').replaceAll('\\A', '^').replaceAll('\\z', '$');
  const written = flags === undefined ? named : `(?${flags}:${named})`;
  try {
    return new RegExp(written).source === '' ? undefined : written;
  } catch {
    section.wrong(key, 'is not a regular expression');
    return undefined;
  }
}

/**
 * zot searches anywhere in a tag, while its documentation reads `4.*` as "begins with 4". A trailing `.*` has a meaning
 * only in the second reading, so there the expression is held to the tag's beginning.
 */
function anchored(section: ZotSection, regex: string): string {
  if (!/(?:^|[^\\])\.\*$/.test(regex) || /^(?:\^|\.\*|\(\?)/.test(regex)) return regex;
  section.warn(
    'regex',
    `${regex} is read as "begins with", as zot's documentation does; write .*${regex} to find it anywhere`,
  );
  return `^(?:${regex})`;
}

interface Group {
  readonly at: URL;
  readonly members: URL[];
  readonly account: AccountInput | undefined;
}

/** URLs in their order, together while they have the same account: one host's password is not for another. */
function groupByAccount(urls: readonly URL[], credentials: ZotCredentials): readonly Group[] {
  const groups: Group[] = [];
  for (const url of urls) {
    const account = credentials.accountOf(url);
    const last = groups.at(-1);
    if (last !== undefined && last.account === account) last.members.push(url);
    else groups.push({ at: url, members: [url], account });
  }
  return groups;
}

/** Docker Hub's `library/` is added by itself, and only where it belongs. */
function baseUrl(url: URL): string {
  const text = url.href.replace(/\/+$/, '');
  return isLibraryOfHub(url) ? url.origin : text;
}

function isLibraryOfHub(url: URL): boolean {
  return canonicalHost(url.host) === 'docker.io' && /^\/+(?:v2\/+)?library\/*$/.test(url.pathname);
}

function giveName(url: URL, names: Set<string>, segments: ReadonlySet<string>): string {
  const host = canonicalHost(url.host);
  const path = isLibraryOfHub(url) ? '' : url.pathname.replace(/^\/(?:v2(?:\/|$))?|\/+$/g, '');
  const slug = path.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const isTaken = segments.has(host) || !/[.:]/.test(host);
  const port = isTaken && url.port === '' ? `:${url.protocol === 'https:' ? '443' : '80'}` : '';
  const first = slug === '' ? `${host}${port}` : suffixed(host, slug);
  let name = upstreamName.safeParse(first).success ? first : 'registry.zot';
  for (let count = 2; names.has(name); count += 1) {
    const next = suffixed(first, String(count));
    name = upstreamName.safeParse(next).success ? next : `registry-${String(count)}.zot`;
  }
  names.add(name);
  return name;
}

function suffixed(host: string, suffix: string): string {
  return host.replace(/(?=:\d+$)|$/, `-${suffix}`);
}

/** Keys of an entry that this mirror knows and has no use for. */
function nameLeftOut(section: ZotSection): void {
  section.ignore('pollInterval', 'scheduled sync is not built yet; only what somebody pulls is fetched');
  for (const key of ['credentialHelper', 'oauth2CredentialHelper'])
    section.ignore(key, 'accounts are read from credentialsFile only; add one to the upstream');
  section.ignore('syncLegacyCosignTags', 'tags of signatures are fetched when somebody asks for them, like all others');
  section.ignore(
    'syncTimeout',
    'a transfer may take as long as bytes keep coming; idleTimeout of the upstream limits pauses',
  );
  section.ignore('responseHeaderTimeout', 'headersTimeout of the upstream says it');
  section.ignore('maxRetryDelay', 'the delay doubles with each retry, and a pull waits for 20 s at most');
  for (const key of ['reqPerSec', 'disableHTTP2', 'maxIdleConnsPerHost'])
    section.ignore(key, 'connections are managed by this mirror; maxConcurrent of the upstream limits requests');
  // always so here: content is kept as it came
  section.flag('preserveDigest');
  section.finish();
}
