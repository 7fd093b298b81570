import { dirname } from 'node:path';
import { ConfigError } from '../errors.ts';
import { readTextFile, unreadableReason } from '../lib/text-file.ts';
import { checkSettings } from './checks.ts';
import type { SoundSettings, SoundUpstreams } from './checks.ts';
import { settingFlags } from './flags.ts';
import type { SettingFlag } from './flags.ts';
import { describeIssue } from './issue-sentence.ts';
import type { SettingProblem } from './issue-sentence.ts';
import { absolutePath, resolvePaths } from './paths.ts';
import { proxyEnvironmentProblems, readProxyEnvironment } from './proxy.ts';
import type { ProxyEnvironment } from './proxy.ts';
import { settings as schema, upstream as upstreamSchema } from './schema.ts';
import type { Settings, SettingsInput, UpstreamSettings } from './schema.ts';
import { formatPath, parseSettingsFile } from './settings-file.ts';
import type { SettingPath, SettingsFile } from './settings-file.ts';
import { canonicalHost, isSameUrl, parseUpstreamText, starterUpstreams } from './upstream-text.ts';

export interface LoadOptions {
  /** Flags that were given, by their name without dashes, as the person wrote them. */
  readonly flags: Readonly<Record<string, string>>;
  /** `--settings`; relative to `cwd`. */
  readonly settingsFile?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Settings that the settings file and the flags win over, of a file of another program; paths are absolute. */
  readonly foreign?: { readonly path: string; readonly values: SettingsInput } | undefined;
  /** Reads the settings file; default: the disk, at most 4 MiB. */
  readonly readFile?: (path: string) => string;
  /** Further checks, e.g. of the certificate files, on every section whose types are right; paths are absolute. */
  readonly check?: (settings: SoundSettings) => readonly SettingProblem[];
}

export interface LoadedSettings {
  /** Ready to run with: paths absolute, directories filled in, the default upstream a name and listed where there is a list. */
  readonly settings: Settings;
  /** For upstreams without a proxy of their own. */
  readonly proxyEnvironment: ProxyEnvironment;
  /** Whether a flag or the file names the default upstream; then the window's choice does not count. */
  readonly isDefaultUpstreamGiven: boolean;
  /** Top-level settings that a flag or the file gives; the window's choice does not count for these. */
  readonly given: ReadonlySet<string>;
}

const fileLimitBytes = 4 * 2 ** 20;

/**
 * Reads the settings: a flag wins over the settings file, which wins over the default. Touches nothing on the disk.
 * @throws ConfigError (CONFIG_INVALID) with every problem, each one sentence that names the flag, or file, line and column
 */
export function loadSettings(options: LoadOptions): LoadedSettings {
  const file = readSettingsFile(options);
  const problems: string[] = [...(file?.problems ?? []), ...proxyEnvironmentProblems(options.env)];
  const input = readInput(file, options);
  const found = checkInput(input, file, options);
  problems.push(...found.problems.map((problem) => describe(problem, file, options)));
  if (problems.length > 0 || found.settings === undefined) throw new ConfigError([...new Set(problems)]);
  return {
    settings: found.settings,
    proxyEnvironment: readProxyEnvironment(options.env),
    isDefaultUpstreamGiven: input.values['upstreamRegistry'] !== undefined,
    given: new Set(Object.keys(input.values)),
  };
}

function readSettingsFile(options: LoadOptions): SettingsFile | undefined {
  const named = options.settingsFile;
  if (named === undefined) return undefined;
  const path = absolutePath(named, options.cwd, options.env);
  const read = options.readFile ?? ((file: string) => readTextFile(file, fileLimitBytes));
  try {
    return parseSettingsFile(named, read(path));
  } catch (error) {
    const problem =
      named === ''
        ? '--settings is empty; it must name a settings file.'
        : `--settings: ${named} ${unreadableReason(error)}.`;
    throw new ConfigError([problem], { value: named, cause: error });
  }
}

interface Input {
  readonly values: Record<string, unknown>;
  readonly problems: readonly SettingProblem[];
}

/** The settings file with the flags put over it, short forms written out, nothing checked by the schema yet. */
function readInput(file: SettingsFile | undefined, options: LoadOptions): Input {
  const values: Record<string, unknown> = structuredClone({ ...options.foreign?.values, ...file?.content });
  const problems: SettingProblem[] = [];
  for (const flag of settingFlags) {
    const value = options.flags[flag.name];
    if (value === undefined) continue;
    if (value === '' && !flag.mayBeEmpty) problems.push({ path: flag.path, message: 'is empty; it must have a value' });
    else setAt(values, flag.path, flagValue(flag, value, options));
  }
  const { tls, upstreams } = values;
  // unquoted, YAML reads 1.3 as a number; there is only one thing it can mean
  if (isRecord(tls) && typeof tls['minVersion'] === 'number') tls['minVersion'] = String(tls['minVersion']);
  if (Array.isArray(upstreams))
    values['upstreams'] = upstreams.map((item: unknown, index) => readUpstream(item, ['upstreams', index], problems));
  return { values, problems };
}

function flagValue(flag: SettingFlag, value: string, options: LoadOptions): unknown {
  if (flag.kind === 'list')
    return value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  if (flag.kind === 'path')
    return flag.path.join('.') === 'audit.file' && value === '-'
      ? value
      : absolutePath(value, options.cwd, options.env);
  return value;
}

/** An upstream may be written as a host or URL alone. */
function readUpstream(item: unknown, path: SettingPath, problems: SettingProblem[]): unknown {
  if (isRecord(item)) return typeof item['name'] === 'string' ? { ...item, name: canonicalHost(item['name']) } : item;
  if (typeof item !== 'string') {
    problems.push({
      path,
      message:
        'must be a host such as "ghcr.io", a URL such as "http://127.0.0.1:5001", or a mapping with name and urls',
    });
    return item;
  }
  const read = parseUpstreamText(item);
  if ('upstream' in read) return read.upstream;
  problems.push({ path, message: read.problem });
  return item;
}

interface Checked {
  readonly settings: Settings | undefined;
  readonly problems: readonly SettingProblem[];
}

function checkInput(input: Input, file: SettingsFile | undefined, options: LoadOptions): Checked {
  if (file?.isReadable === false) return { settings: undefined, problems: input.problems };
  const whole = schema.safeParse(input.values);
  const known = new Set(input.problems.map((problem) => JSON.stringify(problem.path)));
  const isKnown = (problem: SettingProblem): boolean =>
    problem.path.some((_, length) => known.has(JSON.stringify(problem.path.slice(0, length + 1))));
  const issues = (whole.error?.issues ?? [])
    .flatMap((issue) => describeIssue(issue, input.values))
    .filter((problem) => !isKnown(problem));
  const base = file === undefined ? options.cwd : dirname(absolutePath(file.path, options.cwd, options.env));
  const sound = resolvePaths(soundSections(input.values), base, options.env);
  const chosen = chooseDefaultUpstream(sound);
  const problems = [
    ...input.problems,
    ...issues,
    ...checkSettings(sound, soundUpstreams(input.values)),
    ...chosen.problems,
    ...(options.check?.(sound) ?? []),
  ];
  return {
    settings: whole.success ? { ...resolvePaths(whole.data, base, options.env), ...chosen.settings } : undefined,
    problems,
  };
}

function soundSections(values: Readonly<Record<string, unknown>>): SoundSettings {
  const sections = Object.entries(schema.shape).flatMap(([name, section]) => {
    const parsed = section.safeParse(values[name]);
    return parsed.success && parsed.data !== undefined ? [[name, parsed.data] as const] : [];
  });
  return Object.fromEntries(sections);
}

function soundUpstreams(values: Readonly<Record<string, unknown>>): SoundUpstreams {
  const { upstreams } = values;
  return Array.isArray(upstreams) ? upstreams.map((item: unknown) => upstreamSchema.safeParse(item).data) : [];
}

interface ChosenUpstream {
  readonly settings: Pick<SoundSettings, 'upstreamRegistry' | 'upstreams'>;
  readonly problems: readonly SettingProblem[];
}

/**
 * Makes `upstreamRegistry` a name, and sees that a list of upstreams holds it. A URL needs a list to be kept in: without
 * one the list is that upstream and the starters, since what the window holds knows nothing of the URL.
 */
function chooseDefaultUpstream(sound: SoundSettings): ChosenUpstream {
  const written = sound.upstreamRegistry;
  if (written === undefined) return { settings: {}, problems: [] };
  const fail = (message: string): ChosenUpstream => ({
    settings: {},
    problems: [{ path: ['upstreamRegistry'], message }],
  });
  // nowhere: names that no rule matches are not known
  if (written === '') return { settings: { upstreamRegistry: '' }, problems: [] };
  const read = parseUpstreamText(written);
  if ('problem' in read) return fail(read.problem);
  const { name, urls = [] } = read.upstream;
  const [url] = urls;
  const listed = sound.upstreams;
  if (listed === undefined && url === undefined) return { settings: { upstreamRegistry: name }, problems: [] };
  const known = listed?.find((upstream) => answersTo(upstream, name, url));
  if (known !== undefined) return { settings: { upstreamRegistry: known.name }, problems: [] };
  if (listed?.some((upstream) => upstream.name === name) === true)
    return fail(`"${written}" is not among the urls of the upstream "${name}"; write its name, or add the URL there`);
  const others =
    listed ??
    starterUpstreams.filter((starter) => starter !== name).map((starter) => upstreamSchema.parse({ name: starter }));
  return {
    settings: { upstreamRegistry: name, upstreams: [upstreamSchema.parse(read.upstream), ...others] },
    problems: [],
  };
}

function answersTo(upstream: UpstreamSettings, name: string, url: string | undefined): boolean {
  return url === undefined ? upstream.name === name : upstream.urls.some((known) => isSameUrl(known, url));
}

function describe(problem: SettingProblem, file: SettingsFile | undefined, { flags, foreign }: LoadOptions): string {
  const sentence = `${problem.message}${problem.message.endsWith('?') ? '' : '.'}`;
  const flag = settingFlags.find(
    (candidate) =>
      flags[candidate.name] !== undefined && candidate.path.every((part, index) => problem.path[index] === part),
  );
  if (flag !== undefined) return `--${flag.name} ${sentence}`;
  const name = formatPath(problem.path);
  const [section = ''] = problem.path;
  const isForeign = foreign !== undefined && Object.keys(foreign.values).includes(String(section));
  if (isForeign && file?.has([section]) !== true) return `${foreign.path}: ${name}, as read from it, ${sentence}`;
  if (file?.has([section]) !== true) return `${flagNameOf(problem.path) ?? name} ${sentence}`;
  return `${file.where(problem.path, problem.isName === true ? 'key' : 'value')}: ${name} ${sentence}`;
}

/** A default that does not go with the rest is named by its flag, where it has one. */
function flagNameOf(path: SettingPath): string | undefined {
  const flag = settingFlags.find((candidate) => candidate.path.join('.') === path.join('.'));
  return flag === undefined ? undefined : `--${flag.name}`;
}

function setAt(values: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head = '', ...rest] = path;
  if (rest.length === 0) {
    values[head] = value;
    return;
  }
  values[head] ??= {};
  // a section of the wrong type stays, so that the file's problem is reported
  if (isRecord(values[head])) setAt(values[head], rest, value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
