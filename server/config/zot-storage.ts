import { isWithin } from './paths.ts';
import { formatDuration } from './quantities.ts';
import type { SettingsInput } from './schema.ts';
import { storagePath } from './storage-paths.ts';
import type { ZotDisk, ZotSection } from './zot-section.ts';

const ownSpace = 'each blob is kept once here, whatever repositories use it';
const ownRules = 'write retention.rules of this mirror: its rules read tags as globs and versions, not as expressions';

/** Where zot keeps content, as it is kept here. */
export interface ZotStorage {
  readonly patch: SettingsInput;
  /** Where zot keeps content: its root, then those of its sub-paths. */
  readonly roots: readonly string[];
}

/** What the section about storage becomes. PURE but for what `disk` looks up. */
export function readZotStorage(section: ZotSection | undefined, disk: ZotDisk): ZotStorage {
  if (section === undefined) return { patch: {}, roots: [] };
  const root = section.text('rootDirectory') ?? '';
  const directory = root === '' ? '' : disk.resolve(root);
  // each blob is kept once here: asking for that needs nothing
  if (section.flag('dedupe') === false) section.notHonoured('dedupe', ownSpace);
  const gc = readGc(section);
  const subPaths = readSubPaths(section, { disk, directory, gc });
  const storagePaths = subPaths.flatMap(({ setting }) => (setting === undefined ? [] : [setting]));
  section.ignore('retention', ownRules);
  section.ignore('gcTimeWindow', 'garbage is collected while serving, at any time of the day');
  section.ignore('commit', 'what is pushed is on the disk before it is acknowledged, always');
  for (const key of ['storageDriver', 'cacheDriver', 'remoteCache', 'redirectBlobURL'])
    section.ignore(key, 'content is kept in a folder of this machine');
  section.finish();
  return {
    patch: {
      ...(directory === '' ? {} : { dataDirectory: directory }),
      ...(gc === undefined ? {} : { gc }),
      ...(storagePaths.length === 0 ? {} : { storagePaths }),
    },
    roots: [...(directory === '' ? [] : [directory]), ...subPaths.flatMap(({ root }) => (root === '' ? [] : [root]))],
  };
}

function readGc(section: ZotSection): SettingsInput['gc'] {
  const isOn = section.flag('gc') ?? true;
  const delayMs = section.duration('gcDelay') ?? 0;
  const everyMs = section.duration('gcInterval') ?? 0;
  const delay = delayMs === 0 ? {} : { delay: formatDuration(delayMs) };
  if (!isOn) return { every: '0s', ...delay };
  const every = everyMs === 0 ? {} : { every: formatDuration(everyMs) };
  return delayMs + everyMs === 0 ? undefined : { ...every, ...delay };
}

interface ZotSubPath {
  /** Where zot keeps its content; empty when the file does not say. */
  readonly root: string;
  /** What it becomes here. */
  readonly setting: NonNullable<SettingsInput['storagePaths']>[number] | undefined;
}

interface SubPathContext {
  readonly disk: ZotDisk;
  /** The storage's own root; empty when the file does not say. */
  readonly directory: string;
  readonly gc: SettingsInput['gc'];
}

function readSubPaths(storage: ZotSection, context: SubPathContext): readonly ZotSubPath[] {
  const read: ZotSubPath[] = [];
  for (const sub of storage.named('subPaths')) read.push(readSubPath(sub, context, read));
  return read;
}

/** Repositories with a folder of their own. */
function readSubPath(
  { name, section }: { readonly name: string; readonly section: ZotSection },
  { disk, directory, gc }: SubPathContext,
  before: readonly ZotSubPath[],
): ZotSubPath {
  const written = section.text('rootDirectory') ?? '';
  const root = written === '' ? '' : disk.resolve(written);
  const setting = { prefix: name.replace(/^\/+|\/+$/g, ''), directory: root };
  const others = [directory, ...before.map((sub) => sub.root).filter((other) => other !== root)];
  const problem = subPathProblem(setting, others);
  if (problem !== undefined) section.notHonoured('rootDirectory', problem);
  if (section.flag('dedupe') === false) section.notHonoured('dedupe', ownSpace);
  readSubPathGc(section, gc);
  section.ignore('gcTimeWindow', 'garbage is collected while serving, at any time of the day');
  section.ignore('retention', ownRules);
  section.ignore('commit', 'what is pushed is on the disk before it is acknowledged, always');
  for (const driver of ['storageDriver', 'cacheDriver', 'remoteCache', 'redirectBlobURL'])
    section.ignore(driver, 'content is kept in a folder of this machine');
  section.finish();
  return { root, setting: problem === undefined ? setting : undefined };
}

function subPathProblem(
  setting: { readonly prefix: string; readonly directory: string },
  others: readonly string[],
): string | undefined {
  const { directory } = setting;
  if (directory === '') return 'it is empty, so these repositories are kept with all others';
  if (!storagePath.safeParse(setting).success)
    return 'the sub-path is not the beginning of a repository, so nothing is kept there';
  const near = others.find((other) => other !== '' && (isWithin(directory, other) || isWithin(other, directory)));
  return near === undefined
    ? undefined
    : `it and ${near} lie in each other, so these repositories are kept with all others`;
}

/** One collection is for all content; what a sub-path says alike is done. */
function readSubPathGc(section: ZotSection, gc: SettingsInput['gc']): void {
  const isOn = section.flag('gc');
  if (isOn !== undefined && isOn !== (gc?.every !== '0s'))
    section.notHonoured('gc', 'garbage is collected everywhere or nowhere: storage.gc says it for all of the content');
  for (const [key, common] of [
    ['gcDelay', gc?.delay],
    ['gcInterval', gc?.every],
  ] as const) {
    const ms = section.duration(key) ?? 0;
    if (ms !== 0 && formatDuration(ms) !== common)
      section.notHonoured(
        key,
        `garbage is collected everywhere in the same way: storage.${key} says it for all of the content`,
      );
  }
}
