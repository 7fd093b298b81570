import { ConfigError } from '../errors.ts';
import type { AdminClient } from './admin-call.ts';

/** A repository, or a tag or digest of it, as a person writes it. */
export interface NamedContent {
  readonly repository: string;
  readonly reference: string | undefined;
}

/** Reads `REPOSITORY[:TAG|@DIGEST]`; what the parts may be, the mirror decides. */
export function readNamedContent(text: string): NamedContent {
  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const repository = hasTag ? named.slice(0, colon) : named;
  if (at >= 0) return { repository, reference: text.slice(at + 1) };
  return { repository, reference: hasTag ? named.slice(colon + 1) : undefined };
}

/** Reads `REPOSITORY:TAG`. @throws ConfigError (CONFIG_INVALID) */
export function readTagName(text: string): { readonly repository: string; readonly tag: string } {
  const { repository, reference } = readNamedContent(text);
  if (reference === undefined || reference.includes(':') || repository === '')
    throw new ConfigError([`${JSON.stringify(text)} names no tag; write REPOSITORY:TAG, such as team/app:v1.`], {
      value: text,
    });
  return { repository, tag: reference };
}

/**
 * The repository's name in the store: as written when there is such a one, else the one a client would reach by it, so that
 * `alpine` finds `docker.io/library/alpine`.
 * @throws RequestError for a name that can't be one
 */
export async function storedName(admin: AdminClient, repository: string): Promise<string> {
  const { repositories } = await admin.call('listRepositories', { query: { text: repository, limit: 500 } });
  if (repositories.some(({ name }) => name === repository)) return repository;
  const match = await admin.call('matchReference', { query: { reference: repository } });
  return match.repository ?? repository;
}
