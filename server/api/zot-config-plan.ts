import { checkSettings } from '../config/checks.ts';
import { upstream as upstreamSchema } from '../config/schema.ts';
import type { UpstreamInput, UpstreamSettings } from '../config/schema.ts';
import { loadZotConfig, previewRules } from '../config/zot-config.ts';
import { parseZotCredentials } from '../config/zot-credentials.ts';
import type { NotHonoured, ZotDisk } from '../config/zot-section.ts';
import type { RouteResponse } from './contract.ts';
import { describeChange, writtenSettings } from './upstream-view.ts';

/** The text of a zot configuration, and that of its credentialsFile if it was given. */
export interface ZotText {
  readonly content: string;
  readonly credentials: string;
}

/** What an import would do, and what it needs for it. */
export interface ZotPlan {
  /** Upstreams with their accounts, in the file's order: for the server only. */
  readonly inputs: readonly UpstreamInput[];
  readonly preview: RouteResponse<'previewZotConfig'>;
}

/** The place in messages: `zot.json:3:7`. */
const fileName = 'zot.json';
const registryKey = /^extensions\.sync\.registries\[(\d+)\]/;
/** Sections of a zot configuration that are about the program, not about upstreams. */
const otherSections = ['storage', 'http', 'log'] as const;

/**
 * Reads a zot configuration for the window: which upstreams it describes, what is there already under their names, and what
 * is not done as zot would. No secret is in the preview, nor in a message.
 */
export function planZotImport(
  text: ZotText,
  existing: readonly UpstreamSettings[],
  disk: Pick<ZotDisk, 'isDirectory'>,
): Omit<ZotPlan, 'preview'> & { readonly preview: Omit<ZotPlan['preview'], 'locked'> } {
  const reading = loadZotConfig(text.content, fileName, windowDisk(text.credentials, disk));
  const entries = reading.registries.flatMap(({ upstreams }, registry) =>
    upstreams.map((input) => ({ registry, input })),
  );
  const general = reading.notHonoured.filter(({ key }) => !registryKey.test(key));
  return {
    inputs: entries.map(({ input }) => input),
    preview: {
      entries: entries.map(({ registry, input }) => ({
        ...describeEntry(input, existing),
        registry,
        notHonoured: reading.notHonoured
          .filter(({ key }) => Number(registryKey.exec(key)?.[1] ?? -1) === registry)
          .map(({ key, why }) => ({ key: key.replace(registryKey, '').replace(/^\./, ''), why })),
      })),
      notHonoured: [...leftOut(text.content, general), ...general.filter(({ key }) => !isOther(key)).map(plain)],
      warnings: [...reading.warnings],
      problems: [
        ...reading.problems,
        ...credentialProblems(text.credentials),
        ...(reading.problems.length === 0 && entries.length === 0 ? [`${fileName}: it names no registry.`] : []),
      ],
    },
  };
}

/** What the schema can't see in upstreams that are to be together, each a sentence; with the names they are about. */
export function unsoundUpstreams(
  inputs: readonly UpstreamInput[],
  existing: readonly UpstreamSettings[],
): readonly string[] {
  const names = new Set(inputs.map(({ name }) => name));
  const rest = existing.filter(({ name }) => !names.has(name));
  const chosen = inputs.map((input) => upstreamSchema.parse(input));
  return checkSettings({}, [...rest, ...chosen]).flatMap(({ path, message }) => {
    const one = chosen[Number(path[1]) - rest.length];
    return one === undefined ? [] : [`${one.name}: ${path.slice(2).join('.')} ${message}`];
  });
}

/** What an upstream is beyond the defaults, for the audit. */
export function describeSettings(input: UpstreamInput): string {
  const settings = upstreamSchema.parse(input);
  const defaults = upstreamSchema.parse({ name: settings.name });
  return describeChange(writtenSettings(defaults), writtenSettings(settings), 'all settings by default');
}

function describeEntry(
  input: UpstreamInput,
  existing: readonly UpstreamSettings[],
): Omit<ZotPlan['preview']['entries'][number], 'registry' | 'notHonoured'> {
  const settings = upstreamSchema.parse(input);
  const before = existing.find(({ name }) => name === settings.name);
  return {
    name: settings.name,
    urls: [...settings.urls],
    isFetched: settings.onDemand,
    account: settings.accounts[0]?.username,
    rules: previewRules(input).map((rule) => ({ ...rule })),
    settings: describeSettings(input),
    conflict: before === undefined ? undefined : { changes: replacementOf(before, settings) },
  };
}

/** What replacing changes; the content rules are shown one by one already. */
function replacementOf(before: UpstreamSettings, after: UpstreamSettings): string {
  const { content: oldRules, ...old } = writtenSettings(before);
  const { content: newRules, ...written } = writtenSettings(after);
  const rules = JSON.stringify(oldRules) === JSON.stringify(newRules) ? [] : ['its content rules'];
  const others = describeChange(old, written, '');
  return [...(others === '' ? [] : [others]), ...rules].join('; ') || 'nothing';
}

/** Files beside the configuration: of the credentials the text was given; certificates must be on the mirror's machine. */
function windowDisk(credentials: string, disk: Pick<ZotDisk, 'isDirectory'>): ZotDisk {
  return {
    resolve: (path) => path,
    read: () => (credentials.trim() === '' ? undefined : credentials),
    // zot's working directory is not known here
    isDirectory: (path) => path.startsWith('/') && disk.isDirectory(path),
  };
}

function credentialProblems(credentials: string): readonly string[] {
  if (credentials.trim() === '' || parseZotCredentials(credentials) !== undefined) return [];
  return ['The credentials are not {"host:port": {"username": …, "password": …}}.'];
}

function isOther(key: string): boolean {
  return otherSections.some((section) => key.toLowerCase() === section || key.toLowerCase().startsWith(`${section}.`));
}

/** Sections that an import into a running mirror leaves alone, each once. */
function leftOut(content: string, notHonoured: readonly NotHonoured[]): readonly { key: string; why: string }[] {
  return otherSections
    .filter(
      (section) =>
        new RegExp(`"${section}"\\s*:`, 'i').test(content) ||
        notHonoured.some(({ key }) => key.toLowerCase().startsWith(section)),
    )
    .map((section) => ({
      key: section,
      why: 'only upstreams are imported; "zhi-mirror serve --zot-config" takes the rest, too',
    }));
}

function plain({ key, why }: NotHonoured): { key: string; why: string } {
  return { key, why };
}
