import { lookup } from 'node:dns';
import { BulkTransport } from './upstream/bulk-transport.ts';

const limitMs = 2000;

/**
 * Asks the mirror's own door for `/v2/`, over the same connections that blobs come by. It proves that the door answers, and
 * the first client does not pay for what an engine does at first use (some 5 ms).
 * @returns why it does not answer; undefined when it does
 */
export async function checkDoor(mirrorUrl: string, userAgent: string): Promise<string | undefined> {
  const transport = new BulkTransport({
    connectTimeoutMs: limitMs,
    headersTimeoutMs: limitMs,
    idleTimeoutMs: limitMs,
    userAgent,
    onBytes: () => undefined,
  });
  const url = new URL('/v2/', mirrorUrl);
  const target = { url, lookup, rejectUnauthorized: true, secureContext: undefined };
  try {
    const request = {
      method: 'GET',
      url,
      headers: {},
      isGuarded: false,
      signal: AbortSignal.timeout(limitMs),
    } as const;
    const answer = await transport.send(request, target, 'self');
    await answer.body.bytes(1024);
    return answer.status === 200 ? undefined : `it answers with status ${String(answer.status)}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    transport.close();
  }
}
