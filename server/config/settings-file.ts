import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { ErrorCode as YamlErrorCode, Node, YAMLError } from 'yaml';

/** A path to a setting: `['upstreams', 0, 'ttl']`. */
export type SettingPath = readonly (string | number)[];

/** A settings file that was read, and where in it everything stands. */
export interface SettingsFile {
  /** As the person named it. */
  readonly path: string;
  /** What it says, unchecked; a mapping. */
  readonly content: Readonly<Record<string, unknown>>;
  /** Problems of the file itself: syntax and duplicate keys, one sentence each. */
  readonly problems: readonly string[];
  /** False when the syntax is so broken that `content` means nothing. */
  readonly isReadable: boolean;
  /** `file:line:column` of a setting, or of what it is missing in. `key` asks for the place of its name. */
  where(path: SettingPath, part?: 'key' | 'value'): string;
  /** True when the file gives this setting, or something inside it. */
  has(path: SettingPath): boolean;
}

interface Place {
  readonly key: number;
  readonly value: number;
}

/** Reads the text of a settings file (YAML 1.2, so JSON too). Never throws: problems are returned, all of them. */
export function parseSettingsFile(path: string, text: string): SettingsFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${String(Math.max(line, 1))}:${String(Math.max(col, 1))}`;
  };
  const places = new Map<string, Place>();
  const names = new Map<number, SettingPath>();
  index(document.contents, [], places, names);
  const faults = [...document.errors, ...document.warnings];
  const problems = faults.map((fault) => `${at(fault.pos[0])}: ${faultSentence(fault, names)}`);
  const isReadable = document.errors.every((error) => error.code === 'DUPLICATE_KEY');
  const read = isReadable
    ? contentOf(document, `${at(startOf(document.contents) ?? 0)}: `)
    : { content: {}, problems: [] };
  return {
    path,
    content: read.content,
    problems: [...problems, ...read.problems],
    isReadable: isReadable && read.problems.length === 0,
    where: (setting, part = 'value') => at(offsetOf(places, setting, part)),
    has: (setting) => places.has(pathKey(setting)),
  };
}

/** `upstreams[0].ttl`. */
export function formatPath(path: SettingPath): string {
  return path
    .map((part, position) => (typeof part === 'number' ? `[${String(part)}]` : `${position === 0 ? '' : '.'}${part}`))
    .join('');
}

function contentOf(
  document: ReturnType<typeof parseDocument>,
  at: string,
): { readonly content: Readonly<Record<string, unknown>>; readonly problems: readonly string[] } {
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 100 });
  } catch {
    // the library refuses references that would grow without bound
    return { content: {}, problems: [`${at}the file repeats itself through *references too often.`] };
  }
  if (content === null || content === undefined) return { content: {}, problems: [] };
  if (typeof content === 'object' && !Array.isArray(content))
    return { content: content as Record<string, unknown>, problems: [] };
  return { content: {}, problems: [`${at}the file must be a mapping of settings such as "listen: :5050".`] };
}

/** Notes where every setting stands; the first of two equal keys counts. */
function index(
  node: Node | null,
  path: SettingPath,
  places: Map<string, Place>,
  names: Map<number, SettingPath>,
): void {
  if (isSeq<Node | null>(node)) {
    for (const [position, item] of node.items.entries()) {
      const start = startOf(item) ?? startOf(node) ?? 0;
      note(places, [...path, position], { key: start, value: start });
      index(item, [...path, position], places, names);
    }
  }
  if (!isMap<Node, Node | null>(node)) return;
  for (const pair of node.items) {
    const key = startOf(pair.key) ?? 0;
    const inner = [...path, isScalar(pair.key) ? String(pair.key.value) : ''];
    names.set(key, inner);
    note(places, inner, { key, value: startOf(pair.value) ?? key });
    if (!isAlias(pair.value)) index(pair.value, inner, places, names);
  }
}

function note(places: Map<string, Place>, path: SettingPath, place: Place): void {
  const key = pathKey(path);
  if (!places.has(key)) places.set(key, place);
}

function startOf(node: Node | null): number | undefined {
  return node?.range?.[0];
}

function offsetOf(places: ReadonlyMap<string, Place>, path: SettingPath, part: 'key' | 'value'): number {
  for (let length = path.length; length > 0; length -= 1) {
    const place = places.get(pathKey(path.slice(0, length)));
    if (place !== undefined) return part === 'key' || length < path.length ? place.key : place.value;
  }
  return 0;
}

function pathKey(path: SettingPath): string {
  return JSON.stringify(path);
}

/** Our own words: the library's messages repeat pieces of the file, which may hold a password. */
const faultSentences: Partial<Record<YamlErrorCode, string>> = {
  BAD_ALIAS: 'this *reference has no &anchor before it.',
  BAD_INDENT: 'the indentation does not fit the lines around it, or a bracket, brace or quote before it is not closed.',
  BAD_SCALAR_START: 'a text that starts with this character must be written in quotes.',
  BAD_DQ_ESCAPE: 'this backslash escape does not exist; use single quotes for a text with backslashes.',
  BLOCK_AS_IMPLICIT_KEY: 'there are two "key: value" on one line; write each on its own line, or the text in quotes.',
  MISSING_CHAR: 'a closing quote, bracket, brace or comma, or the ":" after a key, is missing.',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line with its ":".',
  MULTIPLE_DOCS: 'the file must hold one document, not several separated by "---".',
  TAB_AS_INDENT: 'tabs cannot indent; use spaces.',
  TAG_RESOLVE_FAILED: 'this !tag is not known; settings need none.',
};

function faultSentence(fault: YAMLError, names: ReadonlyMap<number, SettingPath>): string {
  if (fault.code !== 'DUPLICATE_KEY') return faultSentences[fault.code] ?? 'this is not valid YAML.';
  const path = names.get(fault.pos[0]);
  return `${path === undefined ? 'this key' : formatPath(path)} is given twice; keep one.`;
}
