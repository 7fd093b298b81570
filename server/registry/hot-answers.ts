import type { AuditEventName } from '../audit/events.ts';

/** An answer that can be given again without asking anybody, until it may be out of date. */
export interface HotAnswer {
  readonly body: Buffer;
  /** Flat list of names and values, ready for `writeHead`. */
  readonly headers: string[];
  readonly etag: string;
  /** Wall-clock bounds in milliseconds: outside them the slow path decides (a clock that was set back counts as outside). */
  readonly validFrom: number;
  readonly validUntil: number;
  readonly repositoryId: number;
  readonly repository: string;
  /** Tag or digest as the client asks for it. */
  readonly reference: string;
  readonly markKey: string;
  readonly event: AuditEventName;
  readonly artifact: string;
  readonly digest: string;
  readonly upstream: string | undefined;
}

const overheadBytes = 1024;

/** Warm answers by the request's URL, bounded in bytes; the oldest go first. Whatever changes a repository forgets its answers. */
export class HotAnswers {
  readonly #limitBytes: number;
  readonly #answers = new Map<string, HotAnswer>();
  readonly #byRepository = new Map<string, Set<string>>();
  #bytes = 0;
  #changes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** How often content changed. Whoever looks something up and then puts it here compares: it may be out of date already. */
  get changes(): number {
    return this.#changes;
  }

  get(url: string): HotAnswer | undefined {
    return this.#answers.get(url);
  }

  put(url: string, answer: HotAnswer): void {
    this.delete(url);
    this.#answers.set(url, answer);
    this.#bytes += answer.body.length + overheadBytes;
    const urls = this.#byRepository.get(answer.repository) ?? new Set();
    this.#byRepository.set(answer.repository, urls.add(url));
    for (const oldest of this.#answers.keys()) {
      if (this.#bytes <= this.#limitBytes) break;
      this.delete(oldest);
    }
  }

  delete(url: string): void {
    const answer = this.#answers.get(url);
    if (answer === undefined) return;
    this.#answers.delete(url);
    this.#bytes -= answer.body.length + overheadBytes;
    const urls = this.#byRepository.get(answer.repository);
    urls?.delete(url);
    if (urls?.size === 0) this.#byRepository.delete(answer.repository);
  }

  /** Forgets everything about a repository whose content changed. */
  forgetRepository(name: string): void {
    this.#changes += 1;
    for (const url of [...(this.#byRepository.get(name) ?? [])]) this.delete(url);
  }

  clear(): void {
    this.#changes += 1;
    this.#answers.clear();
    this.#byRepository.clear();
    this.#bytes = 0;
  }
}
