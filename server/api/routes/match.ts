import { formatArtifactName, formatReference } from '../../oci/reference.ts';
import { matchNamespace } from '../../registry/namespaces.ts';
import type { Admin, Handlers } from '../call.ts';
import { parsePasted } from '../pasted-reference.ts';

/** Where a reference leads, and by which rule. */
export function matchRoutes({ parts }: Admin): Pick<Handlers, 'matchReference'> {
  return {
    matchReference: ({ query }) => {
      const pasted = parsePasted(query.reference, parts.control.status().addresses);
      const { rule, target, explanation } = matchNamespace(parts.namespaces, {
        repository: pasted.repository,
        ns: query.ns,
        host: query.host,
      });
      const stripped = pasted.mirrorHost === undefined ? '' : `${pasted.mirrorHost} is this mirror; `;
      return {
        reference: formatArtifactName(pasted.repository, formatReference(pasted.reference)),
        rule,
        explanation: stripped + explanation,
        repository: target?.name,
        upstream: target?.upstream,
        upstreamRepository: target?.upstreamRepository,
        held: target !== undefined && parts.manifestCache.isHeld(target, pasted.reference),
      };
    },
  };
}
