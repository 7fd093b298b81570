/** A value of a file and where it stands. */
export type JsonNode =
  | { readonly kind: 'object'; readonly offset: number; readonly members: readonly JsonMember[] }
  | { readonly kind: 'array'; readonly offset: number; readonly items: readonly JsonNode[] }
  | { readonly kind: 'value'; readonly offset: number; readonly value: string | number | boolean | null };

export interface JsonMember {
  readonly key: string;
  readonly offset: number;
  readonly value: JsonNode;
}

/** Something about the text, and where. */
export interface JsonNote {
  readonly offset: number;
  readonly message: string;
}

export interface LenientJson {
  /** Undefined when the text can't be understood; then `fault` says where and why. */
  readonly root: JsonNode | undefined;
  /** Where the text is not JSON and what was read instead. */
  readonly notes: readonly JsonNote[];
  readonly fault: JsonNote | undefined;
}

/** Nobody nests settings deeper; a hostile file must not exhaust the stack. */
const depthLimit = 64;

/**
 * Reads JSON as people paste it: with comments, trailing and missing commas, closing brackets left out, or only a
 * piece of a file (`"sync": { … }`). Everything that strict JSON would refuse is noted. Never throws. PURE.
 */
export function parseLenientJson(text: string): LenientJson {
  const parser = new Parser(text);
  try {
    return { root: parser.parse(), notes: parser.notes, fault: undefined };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { root: undefined, notes: parser.notes, fault: { offset: error.offset, message: error.message } };
  }
}

/** Line and column, from 1, of an offset. PURE. */
export function placeIn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - (before.lastIndexOf('\n') + 1) + 1 };
}

class Fault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

type Closer = '}' | ']';

class Parser {
  readonly notes: JsonNote[] = [];
  readonly #text: string;
  /** The brackets open now, by what would close them. */
  readonly #open: Closer[] = [];
  #at: number;
  #hasEnded = false;

  constructor(text: string) {
    this.#text = text;
    this.#at = text.startsWith('\uFEFF') ? 1 : 0;
  }

  parse(): JsonNode {
    this.#skip();
    if (this.#peek() === '') throw new Fault(this.#at, 'the file is empty');
    const root = this.#peek() === '"' ? this.#fragment() : this.#value();
    this.#skip();
    while (this.#peek() === '}' || this.#peek() === ']') {
      this.#note(this.#at, `this ${this.#peek()} closes nothing and is left out`);
      this.#at += 1;
      this.#skip();
    }
    if (this.#peek() !== '') throw new Fault(this.#at, 'the file has something after its end');
    return root;
  }

  /** `"sync": { … }` without braces around it. */
  #fragment(): JsonNode {
    const offset = this.#at;
    this.#note(offset, 'this is a piece of a file, without { and } around it; it is read as if they were there');
    return { kind: 'object', offset, members: this.#members('') };
  }

  #value(): JsonNode {
    const offset = this.#at;
    const first = this.#peek();
    if (this.#open.length > depthLimit) throw new Fault(offset, 'the file is nested too deeply');
    if (first === '{') return { kind: 'object', offset, members: this.#inside('}', () => this.#members('}')) };
    if (first === '[') return { kind: 'array', offset, items: this.#inside(']', () => this.#items()) };
    if (first === '"') return { kind: 'value', offset, value: this.#string() };
    return { kind: 'value', offset, value: this.#word() };
  }

  #inside<T>(closer: Closer, read: () => T): T {
    this.#at += 1;
    this.#open.push(closer);
    const result = read();
    this.#open.pop();
    return result;
  }

  #members(closer: '}' | ''): JsonMember[] {
    const members: JsonMember[] = [];
    while (!this.#isAtEnd(closer, members.length > 0)) {
      const offset = this.#at;
      if (this.#peek() !== '"') throw new Fault(offset, 'a key in double quotes is expected here');
      const key = this.#string();
      this.#skip();
      if (this.#peek() !== ':') throw new Fault(this.#at, `a ":" is expected after ${JSON.stringify(key)}`);
      this.#at += 1;
      this.#skip();
      const known = members.findIndex((member) => member.key === key);
      if (known >= 0) this.#note(offset, `${JSON.stringify(key)} is given twice; the last one counts`);
      if (known >= 0) members.splice(known, 1);
      members.push({ key, offset, value: this.#value() });
    }
    return members;
  }

  #items(): JsonNode[] {
    const items: JsonNode[] = [];
    while (!this.#isAtEnd(']', items.length > 0)) items.push(this.#value());
    return items;
  }

  /** Passes the comma before the next element, or the closing bracket; true when there is no next one. */
  #isAtEnd(closer: Closer | '', hasBefore: boolean): boolean {
    this.#skip();
    const before = this.#at;
    const hasComma = hasBefore && this.#peek() === ',';
    if (hasComma) {
      this.#at += 1;
      this.#skip();
    }
    const isEnd = this.#passCloser(closer);
    if (isEnd && hasComma) this.#note(before, 'the comma before the end is one too many and is left out');
    if (!isEnd && hasBefore && !hasComma)
      this.#note(this.#at, 'a comma is missing before this; it is read as if it were there');
    return isEnd;
  }

  #passCloser(closer: Closer | ''): boolean {
    const next = this.#peek();
    if (next === '') {
      if (closer !== '' && !this.#hasEnded)
        this.#note(
          this.#at,
          `the file ends before its ${this.#open.toReversed().join(' ')}; it is read as if they were there`,
        );
      if (closer !== '') this.#hasEnded = true;
      return true;
    }
    if (next !== '}' && next !== ']') return false;
    if (next === closer) {
      this.#at += 1;
      return true;
    }
    if (closer === '') throw new Fault(this.#at, `this ${next} closes nothing`);
    if (!this.#open.includes(next)) throw new Fault(this.#at, `a ${closer} is expected here, not ${next}`);
    this.#note(this.#at, `a ${closer} is missing before this ${next}; it is read as if it were there`);
    return true;
  }

  #string(): string {
    const start = this.#at;
    for (this.#at += 1; this.#peek() !== '"'; this.#at += 1) {
      if (this.#peek() === '' || this.#peek() === '\n')
        throw new Fault(start, 'the quote that starts here is not closed');
      if (this.#peek() === '\\') this.#at += 1;
    }
    this.#at += 1;
    try {
      return String(JSON.parse(this.#text.slice(start, this.#at)));
    } catch {
      throw new Fault(start, 'this text has an escape that JSON does not know');
    }
  }

  #word(): number | boolean | null {
    const start = this.#at;
    const [word = ''] = /^[-+.\w]*/.exec(this.#text.slice(start, start + 64)) ?? [];
    this.#at += word.length;
    if (word === 'true' || word === 'false') return word === 'true';
    if (word === 'null') return null;
    if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(word)) return Number(word);
    throw new Fault(start, 'a value is expected here: a text in double quotes, a number, true, false, {…} or […]');
  }

  /** White space, as copied from a page too, and comments. */
  #skip(): void {
    for (;;) {
      const [space = ''] = /^\s*/.exec(this.#text.slice(this.#at)) ?? [];
      const odd = space.search(/[^ \t\r\n]/);
      if (odd >= 0) this.#noteOnce(this.#at + odd, 'JSON has no such white space; it is passed over, here and below');
      this.#at += space.length;
      const [comment = ''] = /^(?:\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)/.exec(this.#text.slice(this.#at)) ?? [];
      if (comment === '') return;
      this.#noteOnce(this.#at, 'JSON has no comments; they are passed over, here and below');
      this.#at += comment.length;
    }
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #noteOnce(offset: number, message: string): void {
    if (!this.notes.some((note) => note.message === message)) this.#note(offset, message);
  }

  #note(offset: number, message: string): void {
    this.notes.push({ offset, message });
  }
}
