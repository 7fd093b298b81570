import type { PolicyGate } from '../cache/policy-gate.ts';
import { RequestError } from '../errors.ts';
import type { AuditEventName } from '../audit/events.ts';
import type { RequestContext } from '../http/request-context.ts';
import { formatReference } from '../oci/reference.ts';
import type { DeleteEndpoint } from './deletes.ts';
import type { ManifestPushEndpoint } from './manifest-push.ts';
import type { NamespaceRequest } from './namespaces.ts';
import { writableName } from './push-rule.ts';
import type { PushRule } from './push-rule.ts';
import type { Recorder } from './recorder.ts';
import type { RegistryRoute } from './router.ts';
import type { UploadEndpoint } from './uploads.ts';

export interface WriteParts {
  readonly rule: PushRule;
  readonly gate: PolicyGate;
  readonly uploads: UploadEndpoint;
  readonly manifests: ManifestPushEndpoint;
  readonly deletes: DeleteEndpoint;
  readonly recorder: Recorder;
}

type Route<K extends RegistryRoute['kind']> = Extract<RegistryRoute, { readonly kind: K }>;
type WriteRoute = Route<'manifest' | 'blob' | 'uploads' | 'upload'>;

/** The write side of `/v2`: who may write where is decided here, and every push and deletion is written down here. */
export class RegistryWrites {
  readonly #parts: WriteParts;

  constructor(parts: WriteParts) {
    this.#parts = parts;
  }

  /** Answers everything but GET and HEAD of content. @throws RequestError, StorageError, MirrorError (CANCELLED) */
  async handle(context: RequestContext, route: WriteRoute): Promise<void> {
    const event: AuditEventName =
      context.request.method === 'DELETE' && route.kind !== 'upload' ? 'artifact_delete' : 'artifact_push';
    try {
      const repository = this.#nameOf(context, route);
      if (event === 'artifact_push') this.#assertMayPush(context, repository, route);
      if (route.kind === 'manifest') await this.#manifest(context, repository, route);
      else if (route.kind === 'blob') await this.#blob(context, repository, route);
      else await this.#upload(context, repository, route);
    } catch (error) {
      this.#parts.recorder.failure(context, { event, artifact: artifactOf(route), upstream: undefined }, error, 0);
      throw error;
    }
  }

  /** `GET` of an upload. @throws RequestError (BLOB_UPLOAD_UNKNOWN) */
  status(context: RequestContext, route: Route<'upload'>): void {
    this.#parts.uploads.status(context, route, route.id);
  }

  /** What is pushed is asked about by its name and tag; its parts come before its manifest. */
  #assertMayPush(context: RequestContext, name: string, route: WriteRoute): void {
    const tag = route.kind === 'manifest' && route.reference.kind === 'tag' ? route.reference.tag : undefined;
    this.#parts.gate.assertName({ action: 'push', target: { name, upstream: undefined }, user: context.user }, tag);
  }

  #nameOf(context: RequestContext, route: WriteRoute): string {
    const request: NamespaceRequest = {
      repository: route.repository,
      ns: route.query.get('ns') ?? undefined,
      host: context.request.headers.host,
    };
    return writableName(this.#parts.rule, request);
  }

  async #manifest(context: RequestContext, repository: string, route: Route<'manifest'>): Promise<void> {
    if (context.request.method === 'DELETE') {
      const digest = await this.#parts.deletes.manifest(context, repository, route.reference);
      this.#record(context, 'artifact_delete', artifactOf(route), digest);
      return;
    }
    const { digest, tags } = await this.#parts.manifests.handle(context, repository, route.reference, route.query);
    this.#record(context, 'artifact_push', artifactOf(route), digest);
    if (route.reference.kind === 'digest')
      for (const tag of tags) this.#record(context, 'artifact_push', `${repository}:${tag}`, digest);
  }

  async #blob(context: RequestContext, repository: string, route: Route<'blob'>): Promise<void> {
    await this.#parts.deletes.blob(context, repository, route.digest);
    this.#record(context, 'artifact_delete', artifactOf(route), route.digest);
  }

  async #upload(context: RequestContext, repository: string, route: Route<'uploads' | 'upload'>): Promise<void> {
    const request = { repository, query: route.query };
    if (route.kind === 'uploads') {
      await this.#parts.uploads.begin(context, request);
      return;
    }
    switch (context.request.method) {
      case 'PATCH':
        await this.#parts.uploads.append(context, request, route.id);
        return;
      case 'PUT':
        await this.#parts.uploads.finish(context, request, route.id);
        return;
      case 'DELETE':
        await this.#parts.uploads.cancel(context, request, route.id);
        return;
      default:
        throw new RequestError('UNSUPPORTED', 'an upload is not written to with this method');
    }
  }

  #record(context: RequestContext, event: AuditEventName, artifact: string, digest: string): void {
    this.#parts.recorder.pull(
      context,
      { event, artifact, upstream: undefined },
      { outcome: 'ok', status: context.response.statusCode, digest, bytes: 0 },
    );
  }
}

function artifactOf(route: WriteRoute): string {
  if (route.kind === 'manifest')
    return `${route.repository}${route.reference.kind === 'tag' ? ':' : '@'}${formatReference(route.reference)}`;
  if (route.kind === 'blob') return `${route.repository}@${route.digest}`;
  const digest = route.query.get('digest') ?? route.query.get('mount');
  return digest === null ? route.repository : `${route.repository}@${digest.slice(0, 200)}`;
}
