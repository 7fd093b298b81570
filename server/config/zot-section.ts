import { parseDuration } from './quantities.ts';
import type { JsonMember, JsonNode } from './zot-json.ts';

/** Something of a zot configuration that this mirror does not do as zot would. */
export interface NotHonoured {
  /** Where in the file's structure: `extensions.sync.registries[0].onlySigned`. */
  readonly key: string;
  /** Why, and what happens instead. */
  readonly why: string;
  /** Set where passing over the key would open what zot keeps closed: then the file can't be served as it is. */
  readonly isRefused?: boolean;
}

/** What a zot configuration says about other files; without it none is looked at. */
export interface ZotDisk {
  /** Makes a path of the file absolute: zot's are relative to the working directory. */
  resolve(path: string): string;
  /** A file's text; undefined when it can't be read. */
  read(path: string): string | undefined;
  isDirectory(path: string): boolean;
}

/** Where what is found goes; offsets become places when the reading is over. */
export interface ZotFindings {
  readonly notHonoured: (NotHonoured & { readonly offset: number })[];
  readonly warnings: { readonly offset: number; readonly message: string }[];
  readonly problems: { readonly offset: number; readonly message: string }[];
}

/** An object of a zot configuration: keys in any case, as zot reads them; what nobody asked for is known at the end. */
export class ZotSection {
  readonly path: string;
  readonly offset: number;
  readonly #findings: ZotFindings;
  readonly #members: Map<string, JsonMember>;
  readonly #places: ReadonlyMap<string, number>;

  constructor(node: JsonNode & { readonly kind: 'object' }, path: string, findings: ZotFindings) {
    this.path = path;
    this.offset = node.offset;
    this.#findings = findings;
    this.#members = new Map(node.members.map((member) => [member.key.toLowerCase(), member]));
    this.#places = new Map(node.members.map((member) => [member.key.toLowerCase(), member.offset]));
  }

  has(key: string): boolean {
    return this.#members.has(key.toLowerCase());
  }

  text(key: string): string | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.kind === 'value' && typeof node.value === 'string') return node.value;
    // a port is often written as a number
    if (node.kind === 'value' && typeof node.value === 'number') return String(node.value);
    this.wrong(key, 'must be a text');
    return undefined;
  }

  flag(key: string): boolean | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    const value = node.kind === 'value' ? node.value : undefined;
    if (typeof value === 'boolean') return value;
    if (value === 'true' || value === 'false') return value === 'true';
    this.wrong(key, 'must be true or false');
    return undefined;
  }

  count(key: string): number | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    const value = node.kind === 'value' ? Number(node.value ?? Number.NaN) : Number.NaN;
    if (Number.isInteger(value) && value >= 0) return value;
    this.wrong(key, 'must be a whole number');
    return undefined;
  }

  /** Milliseconds: `"6h"`, `"1m30s"`, or a number of seconds as zot's documentation says. */
  duration(key: string): number | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    const value = node.kind === 'value' ? node.value : undefined;
    if (typeof value === 'number' && value >= 0) return Math.round(value * 1000);
    const ms = typeof value === 'string' ? parseDuration(value) : undefined;
    if (ms === undefined) this.wrong(key, 'must be a duration such as "30s", "5m" or "6h"');
    return ms;
  }

  texts(key: string): readonly { readonly text: string; readonly offset: number }[] {
    return this.#items(key).flatMap((item, index) => {
      if (item.kind === 'value' && typeof item.value === 'string') return [{ text: item.value, offset: item.offset }];
      this.problem(item.offset, `${this.#name(key)}[${String(index)}] must be a text`);
      return [];
    });
  }

  section(key: string): ZotSection | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.kind === 'object') return new ZotSection(node, this.#name(key), this.#findings);
    this.wrong(key, 'must be an object {…}');
    return undefined;
  }

  /** An object whose keys are names of the person's own, each with an object. */
  named(key: string): readonly { readonly name: string; readonly section: ZotSection }[] {
    const node = this.#take(key);
    if (node === undefined) return [];
    if (node.kind !== 'object') {
      this.wrong(key, 'must be an object {…}');
      return [];
    }
    return node.members.flatMap((member) => {
      const path = `${this.#name(key)}.${member.key}`;
      if (member.value.kind === 'object')
        return [{ name: member.key, section: new ZotSection(member.value, path, this.#findings) }];
      this.problem(member.offset, `${path} must be an object {…}`);
      return [];
    });
  }

  sections(key: string): readonly ZotSection[] {
    return this.#items(key).flatMap((item, index) => {
      const path = `${this.#name(key)}[${String(index)}]`;
      if (item.kind === 'object') return [new ZotSection(item, path, this.#findings)];
      this.problem(item.offset, `${path} must be an object {…}`);
      return [];
    });
  }

  /** Says of a key that is there that this mirror does not do it. */
  ignore(key: string, why: string, isRefused = false): void {
    const member = this.#members.get(key.toLowerCase());
    this.#members.delete(key.toLowerCase());
    if (member !== undefined)
      this.#findings.notHonoured.push({
        key: this.#name(member.key),
        why,
        offset: member.offset,
        ...(isRefused ? { isRefused } : {}),
      });
  }

  /** Names every key nobody asked for. */
  finish(): void {
    for (const { key } of [...this.#members.values()])
      this.ignore(key, 'this mirror has nothing that corresponds to it');
  }

  /** `message` follows the key's name. */
  warn(key: string, message: string): void {
    this.#findings.warnings.push({ offset: this.#placeOf(key), message: `${this.#name(key)} ${message}` });
  }

  /** Notes something not honoured whose key was read already. */
  notHonoured(key: string, why: string): void {
    this.#findings.notHonoured.push({ key: this.#name(key), why, offset: this.#placeOf(key) });
  }

  /** `message` follows the key's name; a key that is missing is a problem of the whole section. */
  wrong(key: string, message: string): void {
    this.problem(this.#placeOf(key), `${this.#name(key)} ${message}`);
  }

  problem(offset: number, message: string): void {
    this.#findings.problems.push({ offset, message });
  }

  #items(key: string): readonly JsonNode[] {
    const node = this.#take(key);
    if (node === undefined) return [];
    if (node.kind === 'array') return node.items;
    this.wrong(key, 'must be a list […]');
    return [];
  }

  /** `null` means "not given". */
  #take(key: string): JsonNode | undefined {
    const member = this.#members.get(key.toLowerCase());
    this.#members.delete(key.toLowerCase());
    if (member === undefined || (member.value.kind === 'value' && member.value.value === null)) return undefined;
    return member.value;
  }

  #placeOf(key: string): number {
    return this.#places.get(key.toLowerCase()) ?? this.offset;
  }

  #name(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }
}
