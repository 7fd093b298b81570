import { RequestError, UpstreamError } from '../errors.ts';
import type { ErrorCode, MirrorError } from '../errors.ts';
import { readRetryAfter } from './quota.ts';
import { invalidAnswer } from './transport.ts';
import type { Answer } from './transport.ts';

/** What was asked for, for messages and for the meaning of 404. */
export interface Subject {
  readonly kind: 'manifest' | 'blob' | 'tags' | 'referrers' | 'registry';
  /** Upstream's name. */
  readonly upstream: string;
  /** As a person writes it: `org/app:1`, `org/app@sha256:…`, `org/app`. */
  readonly name: string;
}

const errorBodyLimitBytes = 16 * 1024;
const unknownCodes: readonly ErrorCode[] = ['MANIFEST_UNKNOWN', 'BLOB_UNKNOWN', 'NAME_UNKNOWN'];
const unknownByKind: Readonly<Record<Subject['kind'], ErrorCode>> = {
  manifest: 'MANIFEST_UNKNOWN',
  blob: 'BLOB_UNKNOWN',
  tags: 'NAME_UNKNOWN',
  referrers: 'MANIFEST_UNKNOWN',
  registry: 'NAME_UNKNOWN',
};

/**
 * Turns an answer that is not the one hoped for into an error, and ends its body. Reads at most 16 KiB of it for the
 * code of the distribution-spec ("Error Codes"); the upstream's free text is left out, since it may repeat what was sent
 * to it. An answer to HEAD has no body.
 */
export async function readError(answer: Answer, subject: Subject, now: number): Promise<MirrorError> {
  const said = await readCode(answer);
  const { status } = answer;
  const { upstream, name, kind } = subject;
  const detail = said === undefined ? String(status) : `${String(status)} ${said}`;
  const options = { value: name, status };
  if (status === 404 || status === 410) {
    const known = unknownCodes.find((code) => code === said);
    return new RequestError(known ?? unknownByKind[kind], `${upstream} does not have ${name}`, { value: name });
  }
  const retryAfterMs = readRetryAfter(answer.headers, now);
  switch (status) {
    case 401:
      // some public registries answer 401 for an unknown repository
      return new UpstreamError(
        'UPSTREAM_UNAUTHORIZED',
        `${upstream} wants credentials for ${name}: either it does not exist there, or it needs an account that may read it`,
        options,
      );
    case 403:
      return new UpstreamError('UPSTREAM_REFUSED', `${upstream} refused ${name} (${detail})`, options);
    case 408:
      return new UpstreamError('UPSTREAM_TIMEOUT', `${upstream} gave up on ${name} (${detail})`, options);
    case 429:
      return new UpstreamError('UPSTREAM_LIMITED', `${upstream} limits pulls (${detail})`, {
        ...options,
        retryAfterMs,
      });
    default:
  }
  if (status >= 500) {
    return new UpstreamError('UPSTREAM_FAILED', `${upstream} failed on ${name} (${detail})`, {
      ...options,
      retryAfterMs,
    });
  }
  if (status >= 400) return new UpstreamError('UPSTREAM_REFUSED', `${upstream} refused ${name} (${detail})`, options);
  return invalidAnswer(upstream, `answered ${name} with status ${detail}, which makes no sense here`, status);
}

/** The first error code of the body, e.g. `NAME_UNKNOWN`; undefined when there is none in the bytes read. */
async function readCode(answer: Answer): Promise<string | undefined> {
  if (answer.status < 400 || answer.status >= 500 || answer.status === 429) {
    // an upstream in trouble may send its body as slowly as it likes: nobody waits for it
    answer.body.cancel();
    return undefined;
  }
  try {
    const document: unknown = JSON.parse((await answer.body.bytes(errorBodyLimitBytes)).toString('utf8'));
    const code = firstCode(document);
    return typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? code : undefined;
  } catch {
    // too large, cut off or not JSON: the status alone has to do
    return undefined;
  }
}

function firstCode(document: unknown): unknown {
  if (typeof document !== 'object' || document === null || !('errors' in document) || !Array.isArray(document.errors)) {
    return undefined;
  }
  const first: unknown = document.errors[0];
  return typeof first === 'object' && first !== null && 'code' in first ? first.code : undefined;
}
