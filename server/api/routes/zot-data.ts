import type { ImportTarget } from '../../cache/import-layout.ts';
import type { RepositoryImport } from '../../cache/import-report.ts';
import { RequestError } from '../../errors.ts';
import { isHostLike, matchNamespace } from '../../registry/namespaces.ts';
import type { Actor, Admin, Handlers } from '../call.ts';

/** A zot data folder, imported in place. */
export function zotDataRoutes({ parts }: Admin): Pick<Handlers, 'importZotData' | 'getZotImport' | 'cancelZotImport'> {
  const { zotData } = parts;
  return {
    importZotData: ({ body: { directory, dryRun }, actor }) => {
      zotData.start({
        directory,
        isDryRun: dryRun,
        targetOf: (name) => targetOf(parts, name),
        onRepository: (result) => {
          forgetAbsences(parts);
          record(parts, actor, result, directory);
        },
        onBug: (error) => {
          parts.log.error('an import failed unexpectedly', { requestId: actor.requestId, error });
        },
      });
      return zotData.state();
    },
    getZotImport: ({ query: { from } }) => zotData.state(from),
    cancelZotImport: async () => {
      await zotData.cancel();
      return zotData.state();
    },
  };
}

/**
 * What the registry would make of the name: content of an upstream whose host, or whose rule's destination, it begins with,
 * otherwise this mirror's own. A rule about every name says nothing about where zot had it from.
 * @throws RequestError (DENIED, CONFLICT)
 */
function targetOf({ namespaces, repositories }: Admin['parts'], name: string): ImportTarget {
  const { rule, target } = matchNamespace(namespaces, { repository: name });
  if (target !== undefined && (rule === 'prefix' || rule === 'content')) return target;
  const first = name.split('/', 1)[0] ?? name;
  if (isHostLike(name))
    throw new RequestError('DENIED', `${first} is no upstream here; add it, then import again`, { value: name });
  const other = rule === 'default' && target !== undefined ? target.name : undefined;
  if (other !== undefined && repositories.holdsContent(other))
    throw new RequestError(
      'CONFLICT',
      `clients pull ${other} under this name, and would get something else; give the default upstream up first`,
      { value: name },
    );
  return { name, upstream: undefined, upstreamRepository: undefined };
}

/** What was asked for in vain may be here now. */
function forgetAbsences({ manifestCache, blobCache }: Admin['parts']): void {
  manifestCache.forgetAbsences();
  blobCache.forgetAbsences();
}

function record({ audit, clock }: Admin['parts'], actor: Actor, result: RepositoryImport, directory: string): void {
  audit.record({
    event: 'artifact_import',
    at: clock.now(),
    artifact: result.target,
    clientIp: actor.clientIp,
    cached: false,
    outcome: 'ok',
    bytes: result.bytes,
    userAgent: actor.userAgent,
    requestId: actor.requestId,
    upstream: result.upstream,
    detail: `from ${directory}: ${String(result.tags)} tags, ${String(result.manifests)} manifests, ${String(result.blobs)} blobs`,
  });
}
