import { RequestError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatArtifactName, formatReference, parseReference } from '../../oci/reference.ts';
import { describeSigner } from '../../policy/signature-rule.ts';
import type { Repository } from '../../storage/repository-store.ts';
import type { FoundSignature } from '../../cache/signatures.ts';
import type { Admin, Handlers } from '../call.ts';
import type { RouteResponse } from '../contract.ts';
import type { AdminParts } from '../parts.ts';

/** The signatures of what is held. */
export function trustRoutes({ parts }: Admin): Pick<Handlers, 'getSignatures'> {
  return {
    getSignatures: async ({ query }) => {
      const { repository, digest } = held(parts, query.repository, query.reference);
      const { state, detail, signatures, checkedAt } = await parts.signatures.reportOf(repository, digest);
      return { repository: repository.name, digest, state, detail, signatures: signatures.map(found), checkedAt };
    },
  };
}

/** @throws RequestError (MANIFEST_UNKNOWN, NAME_UNKNOWN, DIGEST_INVALID, TAG_INVALID) */
function held(
  { repositories, tags }: AdminParts,
  name: string,
  text: string,
): { readonly repository: Repository; readonly digest: Digest } {
  const repository = repositories.find(name);
  if (repository === undefined)
    throw new RequestError('NAME_UNKNOWN', `repository ${name} is not known here`, { value: name });
  const reference = parseReference(text);
  const digest = reference.kind === 'digest' ? reference.digest : tags.find(repository.id, reference.tag)?.digest;
  if (digest !== undefined) return { repository, digest };
  const what = formatArtifactName(name, formatReference(reference));
  throw new RequestError('MANIFEST_UNKNOWN', `${what} is not held`, { value: what });
}

function found({ form, digest, verdict }: FoundSignature): RouteResponse<'getSignatures'>['signatures'][number] {
  if (verdict.state === 'failed')
    return { form, digest, state: 'failed', signers: [], annotations: {}, reason: verdict.reason };
  const { signers, signedAt, expiresAt, annotations } = verdict;
  return { form, digest, state: 'verified', signers: signers.map(describeSigner), signedAt, expiresAt, annotations };
}
