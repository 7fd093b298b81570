import { RequestError, UpstreamError } from '../errors.ts';
import { algorithmOf, hexOf } from '../oci/digest.ts';
import type { Digest } from '../oci/digest.ts';
import { manifestLimitBytes } from '../oci/manifest.ts';
import { isIndexType, mediaTypes } from '../oci/media-types.ts';
import { isTag } from '../oci/reference.ts';
import { manifestAsk, readManifest } from './manifests.ts';
import type { Ask, Granted } from './session.ts';
import { headerOf, invalidAnswer } from './transport.ts';

/** Asks with all that belongs to it: a Session's `ask` bound to a signal. */
export type AskUpstream = <T>(ask: Ask, read: (granted: Granted) => Promise<T>) => Promise<T>;

/** ECR refuses more; Distribution's own limit is the same. */
const pageSize = 1000;
const pageLimit = 1000;
const tagPageLimitBytes = 16 * 1024 * 1024;

/**
 * All tags of a repository (distribution-spec end-8a, end-8b), at most `limit`. Upstreams choose the next page; it is
 * only followed on their own origin, and never without end.
 */
export async function listTags(
  upstream: string,
  repository: string,
  limit: number,
  askUpstream: AskUpstream,
): Promise<readonly string[]> {
  const tags = new Set<string>();
  const first: Ask = {
    method: 'GET',
    repository,
    path: `tags/list?n=${String(Math.min(limit, pageSize))}`,
    headers: { accept: 'application/json' },
    accepts: [200],
    subject: { kind: 'tags', upstream, name: repository },
  };
  await eachPage(first, tagPageLimitBytes, askUpstream, ({ tags: page }) => {
    const before = tags.size;
    for (const tag of Array.isArray(page) ? (page as readonly unknown[]) : []) {
      if (typeof tag === 'string' && isTag(tag) && tags.size < limit) tags.add(tag);
    }
    return tags.size > before && tags.size < limit;
  });
  return [...tags];
}

/**
 * The referrers of a manifest (distribution-spec end-12a): the index of the API, its pages joined, or of the fallback tag
 * where there is no API; undefined when the upstream has neither.
 */
export async function getReferrers(
  upstream: string,
  repository: string,
  digest: Digest,
  askUpstream: AskUpstream,
): Promise<Buffer | undefined> {
  const first: Ask = {
    method: 'GET',
    repository,
    path: `referrers/${digest}`,
    headers: { accept: mediaTypes.ociIndex },
    accepts: [200],
    subject: { kind: 'referrers', upstream, name: `referrers of ${repository}@${digest}` },
  };
  try {
    return await readReferrers(first, askUpstream);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    return await readFallbackTag(upstream, repository, digest, askUpstream);
  }
}

async function readReferrers(first: Ask, askUpstream: AskUpstream): Promise<Buffer> {
  const manifests: unknown[] = [];
  let pages = 0;
  let whole: Buffer = Buffer.alloc(0);
  await eachPage(first, manifestLimitBytes, askUpstream, (document, content) => {
    if (!Array.isArray(document.manifests))
      throw invalidAnswer(
        first.subject.upstream,
        `answered ${first.subject.name} with something that is not an index`,
        200,
      );
    manifests.push(...(document.manifests as readonly unknown[]));
    pages += 1;
    whole = content;
    return true;
  });
  if (pages === 1) return whole;
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
}

/** 404 is what the specification wants of a registry without the API; others of these are met in the field. */
function isUnsupported(error: unknown): boolean {
  if (error instanceof RequestError) return true;
  return error instanceof UpstreamError && [400, 405, 406, 501].includes(error.status ?? 0);
}

async function readFallbackTag(
  upstream: string,
  repository: string,
  digest: Digest,
  askUpstream: AskUpstream,
): Promise<Buffer | undefined> {
  // distribution-spec "Referrers Tag Schema": the algorithm cut to 32 characters, the rest to 64
  const tag = `${algorithmOf(digest)}-${hexOf(digest).slice(0, 64)}`;
  const ask = manifestAsk(upstream, 'GET', repository, tag);
  try {
    const { content, mediaType } = await askUpstream(ask, (granted) => readManifest(granted, ask, tag));
    return mediaType === undefined || isIndexType(mediaType) ? content : undefined;
  } catch (error) {
    if (error instanceof RequestError) return undefined;
    throw error;
  }
}

type Page = Readonly<Record<string, unknown>>;

/** Calls `read` with each page; it says whether there is any point in another. */
async function eachPage(
  first: Ask,
  limitBytes: number,
  askUpstream: AskUpstream,
  read: (page: Page, content: Buffer) => boolean,
): Promise<void> {
  let ask: Ask | undefined = first;
  for (let pages = 0; ask !== undefined && pages < pageLimit; pages += 1) {
    const current: Ask = ask;
    const { content, page, next } = await askUpstream(current, async (granted) => {
      const content = await granted.answer.body.bytes(limitBytes);
      return { content, page: parsePage(content, first), next: nextPage(current, granted) };
    });
    ask = read(page, content) ? next : undefined;
  }
}

function parsePage(content: Buffer, { subject }: Ask): Page {
  try {
    const value: unknown = JSON.parse(content.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Page;
  } catch {
    // falls through to the one error below
  }
  throw invalidAnswer(subject.upstream, `answered ${subject.name} with something that is not JSON`, 200);
}

/** The `rel="next"` of `Link` (RFC 8288), whose path alone is used, so that it never leaves the upstream's origin. */
function nextPage(ask: Ask, { answer, endpoint, url }: Granted): Ask | undefined {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(headerOf(answer, 'link') ?? '')?.[1];
  if (target === undefined) return undefined;
  const next = URL.parse(target, url);
  if (next?.hostname !== endpoint.hostname) {
    throw invalidAnswer(
      ask.subject.upstream,
      `names a next page of ${ask.subject.name} on another host`,
      answer.status,
    );
  }
  return { ...ask, at: { endpoint, url: new URL(next.pathname + next.search, endpoint.origin) } };
}
