import type { Content } from '../content.ts';
import type { RequestFilter } from './request-log.ts';
import { matches } from './request-log.ts';
import type { RecordedRequest } from './request-log.ts';

/** What goes wrong, or differs, in an answer. Members combine: slow *and* cut, redirected *and* limited. */
export interface Fault {
  /** Answers this status with an OCI error document instead of the content. */
  readonly status?: number;
  /** The error document's code; default by status. */
  readonly code?: string;
  /** `Retry-After`: seconds, or an HTTP date as text. */
  readonly retryAfter?: number | string;
  /** Headers added to the answer, whatever it is; null takes one away. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** Before the headers: milliseconds, until the promise resolves, or for ever (until the client or `stop()` ends it). */
  readonly delay?: number | Promise<unknown> | 'forever';
  /** Breaks the connection with RST, before any answer or before the body. */
  readonly reset?: 'at-once' | 'after-headers';
  /** Pace of this body. */
  readonly bytesPerSecond?: number;
  /** Sends `at` bytes of the body, then waits for the promise; without one, for ever. */
  readonly hold?: { readonly at: number; readonly until?: Promise<unknown> };
  /** Sends this many bytes of the body, then closes the connection. */
  readonly cutAt?: number;
  /** Inverts the byte at this offset of the content; -1 is the last byte. */
  readonly flipByteAt?: number;
  /** Sends this instead of the content; length and digest headers stay those of the real content unless told otherwise. */
  readonly content?: Content;
  /** `Docker-Content-Digest`: this value, or none. */
  readonly digest?: string | null;
  /** `Content-Length` is wrong by so many bytes; the connection is closed after the body. */
  readonly lengthOff?: number;
  /** Sends no `Content-Length`. */
  readonly chunked?: true;
  /** 307 to this URL; true means the upstream's second host, which refuses (400) and records a request with `Authorization`. */
  readonly redirect?: string | true;
  /** Answers a Range request with 200 and the whole body. */
  readonly ignoreRange?: true;
  /** Runs when the request has come in, before it is looked up. */
  readonly beforeLookup?: () => void | Promise<void>;
  /** Runs when the answer is decided and not yet sent, e.g. to move a tag between HEAD and GET. */
  readonly afterLookup?: () => void;
}

export interface Script {
  readonly match: RequestFilter;
  /** How many requests it applies to; default: all. */
  readonly times?: number;
  /** How many matching requests go unharmed first. */
  readonly skip?: number;
  /** Applies even to a request without the credentials it needs; else that one gets its challenge and uses up nothing. */
  readonly beforeAuth?: boolean;
  readonly fault: Fault;
}

/** A script at work. */
export interface RunningScript {
  /** Requests it was applied to. */
  readonly used: number;
  /** Ends it; the requests it holds are not let go. */
  remove(): void;
}

class Running implements RunningScript {
  used = 0;
  skipped = 0;
  readonly script: Script;
  readonly #remove: (running: Running) => void;

  constructor(script: Script, remove: (running: Running) => void) {
    this.script = script;
    this.#remove = remove;
  }

  remove(): void {
    this.#remove(this);
  }

  /** True when it applies to this request, which is then counted. */
  take(request: RecordedRequest): boolean {
    if (!matches(request, this.script.match) || this.used >= (this.script.times ?? Infinity)) return false;
    if (this.skipped < (this.script.skip ?? 0)) {
      this.skipped += 1;
      return false;
    }
    this.used += 1;
    return true;
  }
}

/** The scripts of one upstream; the first that applies wins. */
export class Scripts {
  #running: Running[] = [];

  add(script: Script): RunningScript {
    const running = new Running(script, (ended) => {
      this.#running = this.#running.filter((entry) => entry !== ended);
    });
    this.#running.push(running);
    return running;
  }

  clear(): void {
    this.#running = [];
  }

  take(request: RecordedRequest, beforeAuth: boolean): Fault | undefined {
    return this.#running.find((running) => (running.script.beforeAuth ?? false) === beforeAuth && running.take(request))
      ?.script.fault;
  }
}
