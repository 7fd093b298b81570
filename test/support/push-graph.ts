import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Content } from './content.ts';
import type { Graph } from './image-builder.ts';

/**
 * Pushes a graph over plain HTTP, blobs first, top manifest last, under each tag and its digest; large blobs are
 * streamed (distribution-spec "Pushing").
 */
export async function pushGraph(
  baseUrl: string,
  repository: string,
  tag: string | readonly string[],
  graph: Graph,
): Promise<void> {
  for (const [digest, content] of graph.blobs) await pushBlob(baseUrl, repository, digest, content);
  const below = [...graph.manifests].filter(([digest]) => digest !== graph.digest).reverse();
  for (const [digest, { bytes, mediaType }] of below) await pushManifest(baseUrl, repository, digest, bytes, mediaType);
  for (const reference of [tag].flat())
    await pushManifest(baseUrl, repository, reference, graph.bytes, graph.mediaType);
}

async function pushBlob(baseUrl: string, repository: string, digest: string, content: Content): Promise<void> {
  const held = await fetch(`${baseUrl}/v2/${repository}/blobs/${digest}`, { method: 'HEAD' });
  if (held.ok) return;
  const started = await fetch(`${baseUrl}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  await started.arrayBuffer();
  if (started.status !== 202)
    throw new Error(`upload of ${digest} to ${repository} not started: ${String(started.status)}`);
  const target = new URL(started.headers.get('location') ?? '', baseUrl);
  target.searchParams.set('digest', digest);
  const { status, text } = await put(target, content);
  if (status !== 201) throw new Error(`upload of ${digest} to ${repository} failed: ${String(status)} ${text}`);
}

/** fetch would send a stream chunked; registries and the tests want its length. */
async function put(target: URL, content: Content): Promise<{ readonly status: number; readonly text: string }> {
  const request = httpRequest(target, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream', 'content-length': content.size },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    request.once('response', resolve).once('error', reject),
  );
  const [response] = await Promise.all([answered, pipeline(Readable.from(content.read()), request)]);
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() };
}

async function pushManifest(
  baseUrl: string,
  repository: string,
  reference: string,
  bytes: Buffer,
  mediaType: string,
): Promise<void> {
  const answer = await fetch(`${baseUrl}/v2/${repository}/manifests/${reference}`, {
    method: 'PUT',
    headers: { 'content-type': mediaType },
    body: new Uint8Array(bytes),
  });
  const text = await answer.text();
  if (answer.status !== 201)
    throw new Error(`push of ${repository} ${reference} failed: ${String(answer.status)} ${text}`);
}
