import type { RequestRow } from '../../../server/api/contract.ts';
import { eventNames } from '../../components/event-names.ts';
import { formatBytes, formatElapsed } from '../../format.ts';

/** Why a request ended as it did, in words. PURE. */

export interface Explanation {
  /** One line: what happened. */
  readonly title: string;
  /** Why, sentence by sentence. */
  readonly reasons: readonly string[];
  /** What a person can do; absent when nothing needs doing. */
  readonly advice?: string;
}

/** Explains a request from its outcome, its code and what the mirror noted. */
export function explainRequest(row: RequestRow): Explanation {
  if (!isPull(row)) return { title: eventNames[row.event] ?? row.event, reasons: noted(row) };
  const explanation = byOutcome(row);
  const reasons = [...explanation.reasons, ...noted(row), headNote(row)].filter((reason) => reason !== '');
  return { ...explanation, reasons };
}

function isPull({ event }: RequestRow): boolean {
  return event === 'artifact_pull' || event === 'blob_pull';
}

function byOutcome(row: RequestRow): Explanation {
  const thing = row.event === 'blob_pull' ? 'blob' : row.artifact.includes('@') ? 'manifest' : 'tag';
  const from = row.upstream ?? 'the upstream';
  switch (row.outcome) {
    case 'hit':
      return {
        title: 'Served from the cache',
        reasons: [
          thing === 'tag'
            ? 'The tag is held and still fresh, so its manifest was served without downloading anything.'
            : `The ${thing} is held, and content under a digest never changes, so no upstream was asked.`,
        ],
      };
    case 'miss':
      return {
        title: `Fetched from ${from}`,
        reasons: [
          thing === 'tag'
            ? `The tag was not held, or its time was over and ${from} had a newer one.`
            : `The ${thing} was not held yet.`,
          'It was verified against its digest and kept: the next request for it is a hit.',
        ],
      };
    case 'stale':
      return {
        title: 'Served from the cache, perhaps out of date',
        reasons: [
          `${capital(from)} gave no usable answer, so the copy that is held was served and marked with a Warning header.`,
        ],
        advice: `Look at ${from} under Upstreams. As soon as it answers again, the tag is checked and this ends by itself.`,
      };
    case 'denied':
      return {
        title: 'Denied',
        reasons: [`${deniedBy(row)} does not allow this artifact for this client.`],
        advice: 'Policies shows the rules, and what each of them says of this reference.',
      };
    case 'ok':
      return {
        title: 'Answered by the mirror itself',
        reasons: ['No content was asked for, so there was nothing to fetch.'],
      };
    case 'failed':
      return failure(row, from);
  }
}

/** The policy rule that denied a request, as its record names it. PURE. */
export function denyingRule(row: RequestRow): string | undefined {
  return /\(policy rule ([^()]+)\)/.exec(row.detail ?? '')?.[1];
}

function deniedBy(row: RequestRow): string {
  const rule = denyingRule(row);
  return rule === undefined || rule === 'policy' ? 'The policy' : `The policy’s rule ${rule}`;
}

interface Cause {
  readonly why: string;
  readonly advice: string;
}

const ask = 'Nothing is wrong with the mirror: check the name the client asks for.';

const causes: Readonly<Record<string, Cause>> = {
  NAME_INVALID: { why: 'The repository name is not a valid one.', advice: ask },
  NAME_UNKNOWN: { why: 'Neither the cache nor the upstream knows this repository.', advice: ask },
  MANIFEST_UNKNOWN: { why: 'Neither the cache nor the upstream has this tag or digest.', advice: ask },
  BLOB_UNKNOWN: {
    why: 'Neither the cache nor the upstream has this blob.',
    advice: 'Pull the image again from its tag, so that the client asks for current blobs.',
  },
  UPSTREAM_UNREACHABLE: {
    why: '{from} could not be reached.',
    advice: 'Run Test on the upstream: it says whether name, network, TLS or login is the trouble.',
  },
  UPSTREAM_TIMEOUT: {
    why: '{from} took too long to answer.',
    advice: 'If this repeats, raise the upstream’s timeouts or add a second URL.',
  },
  UPSTREAM_LIMITED: {
    why: '{from} refused because its pull limit is used up (status 429).',
    advice: 'Add an account to the upstream, or wait until the limit is reset.',
  },
  UPSTREAM_UNAUTHORIZED: {
    why: '{from} wants a login, or did not accept the one it got.',
    advice: 'Add or correct an account for this repository under Upstreams.',
  },
  UPSTREAM_REFUSED: { why: '{from} refused the request.', advice: 'The account may lack access to this repository.' },
  UPSTREAM_INVALID: {
    why: '{from} sent something that is not a valid answer of a registry.',
    advice: 'Check that the URL leads to a registry and not to a login page or a proxy.',
  },
  UPSTREAM_FAILED: {
    why: '{from} answered with a fault of its own.',
    advice: 'Try again later; the circuit breaker keeps clients from waiting meanwhile.',
  },
  UPSTREAM_OFFLINE: {
    why: 'It is not held, and {from} is offline by choice, so it was not asked.',
    advice: 'Switch “Offline” off, or set the upstream’s mode to Check, and pull again.',
  },
  UPSTREAM_FORBIDDEN_ADDRESS: {
    why: '{from} sent the mirror to a private address, which is not allowed for a public upstream.',
    advice: 'If that is intended, allow private redirects in the upstream’s settings.',
  },
  CONTENT_MISMATCH: {
    why: 'The bytes from {from} do not match their digest, so the transfer was broken off and nothing was kept.',
    advice:
      'Something between here and the upstream changes or cuts content. Check proxies and virus scanners on the way.',
  },
  STORAGE_FULL: { why: 'The disk is full.', advice: 'Free some space; caching goes on by itself.' },
  STORAGE_FAILED: {
    why: 'The disk could not be written or read.',
    advice: 'The mirror’s log names the file. Check the disk.',
  },
  CANCELLED: {
    why: 'The client went away before the answer was complete.',
    advice: 'Nothing needs doing; the download goes on for the next client.',
  },
};

function failure(row: RequestRow, from: string): Explanation {
  const cause = causes[row.code ?? ''];
  const title = row.code === 'CANCELLED' ? 'Broken off by the client' : `Failed with status ${String(row.status)}`;
  if (cause === undefined) {
    return {
      title,
      reasons: ['The mirror could not answer.'],
      advice: `Its log has the details under the request id ${row.id}.`,
    };
  }
  return { title, reasons: [capital(cause.why.replace('{from}', from))], advice: cause.advice };
}

function noted(row: RequestRow): readonly string[] {
  return row.detail === undefined || row.detail === '' ? [] : [`The mirror noted: ${row.detail}`];
}

function headNote(row: RequestRow): string {
  if (row.method === 'HEAD') return 'The client asked for the headers only (HEAD), so no content was sent.';
  if (row.outcome !== 'failed' && row.bytes > 0 && row.durationMs > 0)
    return `${formatBytes(row.bytes)} were sent in ${formatElapsed(row.durationMs)}.`;
  return '';
}

function capital(text: string): string {
  return text.startsWith('the ') ? `T${text.slice(1)}` : text;
}
