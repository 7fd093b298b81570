import type { ManifestCache, ManifestResult } from '../cache/manifest-cache.ts';
import type { GateRequest, PolicyGate } from '../cache/policy-gate.ts';
import type { Target } from '../cache/targets.ts';
import { RequestError, UpstreamError } from '../errors.ts';
import type { RequestContext } from '../http/request-context.ts';
import type { Clock } from '../lib/clock.ts';
import { formatReference } from '../oci/reference.ts';
import type { Reference } from '../oci/reference.ts';
import type { Leases } from '../storage/leases.ts';
import type { PulledMarks } from '../storage/pulled-marks.ts';
import type { HotAnswers } from './hot-answers.ts';
import { matchesEtag } from './range.ts';
import type { PullSubject, Recorder } from './recorder.ts';
import { respondBytes, staleHeaders } from './respond.ts';

export interface ManifestEndpointParts {
  readonly cache: ManifestCache;
  readonly gate: PolicyGate;
  readonly hot: HotAnswers;
  readonly marks: PulledMarks;
  readonly leases: Leases;
  readonly recorder: Recorder;
  readonly clock: Clock;
}

/** What was found, and may be answered. */
type Answerable = ManifestResult & {
  /** Changes of the hot answers before anything was looked up. */
  readonly asOf: number;
  /** What a policy in dry run would have done. */
  readonly note: string | undefined;
};

/** `GET` and `HEAD` of `/v2/<name>/manifests/<reference>` (distribution-spec end-3). */
export class ManifestEndpoint {
  readonly #parts: ManifestEndpointParts;

  constructor(parts: ManifestEndpointParts) {
    this.#parts = parts;
  }

  /** `mayBeNew`: whether the name could be about to be pushed to; then an upstream that can't say is no reason to refuse. */
  async handle(context: RequestContext, target: Target, reference: Reference, mayBeNew: () => boolean): Promise<void> {
    const asOf = this.#parts.hot.changes;
    const written = formatReference(reference);
    const subject: PullSubject = {
      event: 'artifact_pull',
      artifact: `${target.name}${reference.kind === 'tag' ? ':' : '@'}${written}`,
      upstream: target.upstream,
    };
    const request: GateRequest = { action: 'pull', target, user: context.user };
    try {
      this.#parts.gate.assertName(request, reference.kind === 'tag' ? reference.tag : undefined);
      if (
        context.request.method === 'HEAD' &&
        !this.#parts.cache.isHeld(target, reference) &&
        (await this.#answerHead(context, target, reference, subject))
      )
        return;
      const result = await this.#parts.cache.get(target, reference, context.signal);
      const note = await this.#parts.gate.assertManifest(request, reference, result.manifest.digest);
      this.#answer(context, target, reference, subject, { ...result, asOf, note });
    } catch (failure) {
      const error =
        failure instanceof UpstreamError && mayBeNew()
          ? new RequestError('MANIFEST_UNKNOWN', `manifest ${subject.artifact} is not held`, { value: written })
          : failure;
      this.#parts.recorder.failure(context, subject, error, 0);
      throw error;
    }
  }

  /** HEAD of something not held moves no body; false when the upstream said too little for an answer. */
  async #answerHead(
    context: RequestContext,
    target: Target,
    reference: Reference,
    subject: PullSubject,
  ): Promise<boolean> {
    const head = await this.#parts.cache.head(target, reference, context.signal);
    if (head === undefined) return false;
    await this.#parts.gate.assertManifest({ action: 'pull', target, user: context.user }, reference, head.digest);
    context.response.writeHead(200, [
      'Content-Type',
      head.mediaType,
      'Docker-Content-Digest',
      head.digest,
      'ETag',
      `"${head.digest}"`,
      'Content-Length',
      String(head.sizeBytes),
    ]);
    context.response.end();
    this.#parts.recorder.pull(context, subject, { outcome: 'miss', status: 200, digest: head.digest, bytes: 0 });
    return true;
  }

  #answer(
    context: RequestContext,
    target: Target,
    reference: Reference,
    subject: PullSubject,
    result: Answerable,
  ): void {
    const { manifest, provenance } = result;
    // in the turn in which it was found: its blobs are asked for next, or an index that lists it is pushed
    if (target.upstream === undefined) this.#parts.leases.note(manifest.digest);
    const etag = `"${manifest.digest}"`;
    const headers = [
      'Content-Type',
      manifest.mediaType,
      'Docker-Content-Digest',
      manifest.digest,
      'ETag',
      etag,
      ...staleHeaders(provenance),
    ];
    const isKnown = matchesEtag(context.request.headers['if-none-match'], etag);
    if (isKnown) {
      context.response.writeHead(304, headers);
      context.response.end();
    } else respondBytes(context, 200, headers, manifest.content);
    this.#keepHot(context, target, reference, subject, result, [
      ...headers,
      'Content-Length',
      String(manifest.content.length),
    ]);
    this.#mark(context, reference, result);
    const isSent = context.request.method === 'GET' && !isKnown;
    this.#parts.recorder.pull(context, subject, {
      outcome: provenance.outcome,
      status: isKnown ? 304 : 200,
      digest: manifest.digest,
      bytes: isSent ? manifest.content.length : 0,
      detail: provenance.outcome === 'stale' ? provenance.reason : result.note,
    });
  }

  #keepHot(
    context: RequestContext,
    target: Target,
    reference: Reference,
    subject: PullSubject,
    result: Answerable,
    headers: string[],
  ): void {
    const url = context.request.url;
    const now = this.#parts.clock.now();
    if (
      url === undefined ||
      result.freshUntil <= now ||
      result.asOf !== this.#parts.hot.changes ||
      result.note !== undefined ||
      this.#parts.gate.isPerUser ||
      !this.#parts.cache.isHeld(target, reference)
    )
      return;
    const written = formatReference(reference);
    this.#parts.hot.put(url, {
      body: result.manifest.content,
      headers,
      etag: `"${result.manifest.digest}"`,
      // a minute's play: a clock corrected by less is no reason to ask
      validFrom: now - 60_000,
      validUntil: result.freshUntil,
      repositoryId: result.repository.id,
      repository: result.repository.name,
      reference: written,
      markKey: `${String(result.repository.id)} ${written}`,
      event: subject.event,
      artifact: subject.artifact,
      digest: result.manifest.digest,
      upstream: subject.upstream,
    });
  }

  #mark(context: RequestContext, reference: Reference, result: ManifestResult): void {
    const written = formatReference(reference);
    const key = `${String(result.repository.id)} ${written}`;
    this.#parts.marks.note(
      key,
      result.repository.id,
      written,
      this.#parts.clock.now(),
      context.user ?? context.clientIp,
    );
  }
}
