import { createHash } from 'node:crypto';
import { ConfigError } from '../errors.ts';
import { readTextFile, unreadableReason } from '../lib/text-file.ts';
import { evaluate } from './evaluate.ts';
import type { CompiledRule, Decision, PolicyFacts, PolicySubject } from './evaluate.ts';
import { parsePolicy } from './parse-policy.ts';
import type { ParsedPolicy } from './parse-policy.ts';
import type { PolicyDocument } from './schema.ts';
import type { PolicyTrust, TrustReader } from './trust-material.ts';

/** Far more than a person writes. */
export const policyLimitBytes = 4 * 2 ** 20;
/** Where the window's policy is kept among the settings. */
const settingName = 'policy';

/** Where the window's policy is kept. */
export interface StoredPolicy {
  get(name: string): string | undefined;
  set(name: string, value: string): void;
}

export interface PolicyStoreParts {
  /** `--policy`; empty: the window's policy is used. */
  readonly file: string;
  readonly stored: StoredPolicy;
  /** Reads the keys and certificates a policy trusts; without one nobody is. */
  readonly reader?: TrustReader;
  /** Told when another policy holds, and when an edit was refused. */
  readonly onChange: (change: PolicyChange) => void;
}

/** What happened to the policy; a person reads the sentences. */
export type PolicyChange =
  | { readonly kind: 'loaded'; readonly version: string; readonly warnings: readonly string[] }
  /** A refused edit was taken back. */
  | { readonly kind: 'mended'; readonly version: string }
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** The policy as it holds now. */
export interface PolicyView {
  readonly source: 'file' | 'window' | 'none';
  /** Path of the file, as it was named. */
  readonly file: string | undefined;
  /** What was last read, also when it was refused. */
  readonly text: string;
  /** Of the policy that holds: the first 12 digits of its SHA-256; "none" without one. */
  readonly version: string;
  readonly rules: readonly { readonly name: string; readonly mode: 'dry-run' | 'enforce' }[];
  readonly warnings: readonly string[];
  /** Why the last edit does not hold; then the policy before it does. */
  readonly problems: readonly string[];
}

interface Loaded {
  readonly version: string;
  readonly parsed: ParsedPolicy;
}

const nothing: Loaded = { version: 'none', parsed: parsePolicy('policy', '') };

/** The policy that holds. A file that was named wins over the window; an edit that is wrong changes nothing and says so. */
export class PolicyStore {
  readonly #parts: PolicyStoreParts;
  #text = '';
  #loaded = nothing;
  #problems: readonly string[] = [];
  #wasEmptied = false;

  /** @throws ConfigError (CONFIG_INVALID) when the file can't be read or is no policy: serving without it would allow all */
  constructor(parts: PolicyStoreParts) {
    this.#parts = parts;
    this.#text = parts.file === '' ? (parts.stored.get(settingName) ?? '') : this.#readFile();
    const loaded = load(this.#name, this.#text, parts.reader);
    if (loaded.parsed.problems.length > 0) throw new ConfigError(loaded.parsed.problems);
    this.#loaded = loaded;
  }

  /** Whether there is any rule at all; without one nothing has to be asked. */
  get isEmpty(): boolean {
    return this.rules.length === 0;
  }

  /** Whether it depends on who asks. */
  get isPerUser(): boolean {
    const { document } = this.#loaded.parsed;
    return document?.rules.some((rule) => rule.mode !== 'off' && rule.users.length > 0) === true;
  }

  get rules(): readonly CompiledRule[] {
    return this.#loaded.parsed.rules;
  }

  /** The document that holds. */
  get document(): PolicyDocument | undefined {
    return this.#loaded.parsed.document;
  }

  /** Whom it trusts. */
  get trust(): PolicyTrust {
    return this.#loaded.parsed.trust;
  }

  get version(): string {
    return this.#loaded.version;
  }

  view(): PolicyView {
    const { file } = this.#parts;
    const isNone = file === '' && this.#text === '';
    return {
      source: file !== '' ? 'file' : isNone ? 'none' : 'window',
      file: file === '' ? undefined : file,
      text: this.#text,
      version: this.version,
      rules: this.rules.map(({ name, mode }) => ({ name, mode })),
      warnings: this.#loaded.parsed.warnings,
      problems: this.#problems,
    };
  }

  /** Reads a text as it would be read if it were saved; nothing changes. */
  read(text: string): ParsedPolicy {
    return parsePolicy(this.#name, text, this.#parts.reader);
  }

  decide(subject: PolicySubject, facts: PolicyFacts): Decision {
    return evaluate(this.rules, subject, facts);
  }

  /** Reads the file again, if it is one and has changed; a broken or missing one leaves the policy as it was. */
  reload(): void {
    if (this.#parts.file === '') {
      // what it trusts may stand in files of their own
      if (this.trust.hasFiles) this.#take(this.#text);
      return;
    }
    let text: string;
    try {
      text = this.#readFile();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#refuse(error.problems);
      return;
    }
    // an editor empties a file before it writes it; taken at once, that would allow all in between
    const isEmptied = text.trim() === '' && this.#text.trim() !== '';
    const isConfirmed = this.#wasEmptied;
    this.#wasEmptied = isEmptied;
    if (isEmptied && !isConfirmed) return;
    if (text !== this.#text || this.#problems.length > 0 || this.trust.hasFiles) this.#take(text);
  }

  /**
   * Puts the window's policy in place of the one before.
   * @throws ConfigError (CONFIG_INVALID) with every problem, or when a file is used; nothing changes then
   */
  replace(text: string): void {
    const { file, stored } = this.#parts;
    if (file !== '') throw new ConfigError([`the policy is read from ${file}; change it there.`], { value: file });
    const { problems } = this.read(text);
    if (problems.length > 0) throw new ConfigError(problems);
    stored.set(settingName, text);
    this.#take(text);
  }

  get #name(): string {
    return this.#parts.file === '' ? 'policy' : this.#parts.file;
  }

  #take(text: string): void {
    this.#text = text;
    const loaded = load(this.#name, text, this.#parts.reader);
    if (loaded.parsed.problems.length > 0) {
      this.#refuse(loaded.parsed.problems);
      return;
    }
    const wasRefused = this.#problems.length > 0;
    this.#problems = [];
    if (loaded.version === this.#loaded.version) {
      if (wasRefused) this.#parts.onChange({ kind: 'mended', version: loaded.version });
      return;
    }
    this.#loaded = loaded;
    this.#parts.onChange({ kind: 'loaded', version: loaded.version, warnings: loaded.parsed.warnings });
  }

  #refuse(problems: readonly string[]): void {
    const isNews = problems.join('\n') !== this.#problems.join('\n');
    this.#problems = problems;
    if (isNews) this.#parts.onChange({ kind: 'refused', problems });
  }

  #readFile(): string {
    const { file } = this.#parts;
    try {
      return readTextFile(file, policyLimitBytes);
    } catch (error) {
      throw new ConfigError([`--policy: ${file} ${unreadableReason(error)}.`], { value: file, cause: error });
    }
  }
}

function load(name: string, text: string, reader: TrustReader | undefined): Loaded {
  if (text.trim() === '') return nothing;
  const parsed = parsePolicy(name, text, reader);
  const hash = createHash('sha256').update(text);
  if (parsed.trust.hasFiles) hash.update(JSON.stringify(parsed.trust));
  return { version: hash.digest('hex').slice(0, 12), parsed };
}
