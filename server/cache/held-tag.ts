import { RequestError } from '../errors.ts';
import type { Tag } from '../storage/tag-store.ts';

/**
 * A person who asks the upstream about a tag that was rolled back is told why nothing moves.
 * @throws RequestError (CONFLICT) when the tag is held where it is
 */
export function refuseHeld(repository: string, tag: Tag | undefined): void {
  if (tag?.heldSince === undefined) return;
  const since = new Date(tag.heldSince).toISOString().slice(0, 16).replace('T', ' ');
  throw new RequestError(
    'CONFLICT',
    `${repository}:${tag.name} was rolled back at ${since} UTC and stays at ${tag.digest}; let it follow its upstream again first`,
    { value: tag.name },
  );
}
