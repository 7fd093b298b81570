/** One challenge of a `WWW-Authenticate` header: scheme in lower case, parameters by lower-case name. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const token68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const space = /[ \t]*/y;
const separators = /[ \t,]*/y;

/**
 * Reads the challenges of a `WWW-Authenticate` header (RFC 9110 §11.6.1): several in one header, quoted strings with
 * escapes and commas, token68. The upstream controls every character; what cannot be read ends the list.
 */
export function parseChallenges(header: string): Challenge[] {
  const scanner = new Scanner(header);
  const challenges: Challenge[] = [];
  scanner.take(separators);
  for (let scheme = scanner.take(token); scheme !== ''; scheme = scanner.take(token)) {
    challenges.push({ scheme: scheme.toLowerCase(), parameters: readParameters(scanner) });
    scanner.take(separators);
  }
  return challenges;
}

function readParameters(scanner: Scanner): Record<string, string> {
  const parameters: Record<string, string> = Object.create(null) as Record<string, string>;
  scanner.take(space);
  if (scanner.take(token68) !== '') return parameters;
  for (;;) {
    const start = scanner.position;
    scanner.take(separators);
    const name = scanner.take(token);
    scanner.take(space);
    if (name === '' || !scanner.takeCharacter('=')) {
      // not a parameter: the next challenge starts here
      scanner.position = start;
      return parameters;
    }
    scanner.take(space);
    const value = scanner.takeValue();
    if (value === undefined) return parameters;
    // the first of a name wins, so a later one cannot replace what was checked
    parameters[name.toLowerCase()] ??= value;
  }
}

class Scanner {
  position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** What the sticky `pattern` matches here, else nothing. */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.position += found.length;
    return found;
  }

  takeCharacter(character: string): boolean {
    if (this.#text[this.position] !== character) return false;
    this.position += 1;
    return true;
  }

  /** A token or a quoted string; undefined when neither, or the quote never ends. */
  takeValue(): string | undefined {
    if (!this.takeCharacter('"')) return this.take(token) || undefined;
    let value = '';
    for (; this.position < this.#text.length; this.position += 1) {
      const character = this.#text[this.position];
      if (character === '"') {
        this.position += 1;
        return value;
      }
      if (character === '\\') this.position += 1;
      value += this.#text[this.position] ?? '';
    }
    return undefined;
  }
}
