import { UpstreamError } from '../errors.ts';
import type { ConfigError } from '../errors.ts';
import type { UpstreamClient } from './client.types.ts';

/** Stands in for an upstream whose settings can't work (a certificate file is gone): every call says why, what is held is served. */
export function unusableClient(name: string, error: ConfigError): UpstreamClient {
  const message = `${name} can't be asked: ${error.problems.join(' ')}`;
  const refuse = (): Promise<never> =>
    Promise.reject(new UpstreamError('UPSTREAM_UNREACHABLE', message, { cause: error }));
  return {
    name,
    headManifest: refuse,
    getManifest: refuse,
    headBlob: refuse,
    getBlob: refuse,
    listTags: refuse,
    getReferrers: refuse,
    health: () => ({
      state: 'failing',
      lastSuccessAt: undefined,
      lastFailureAt: undefined,
      lastError: message,
      retryAt: undefined,
      quota: undefined,
      requests: 0,
      failures: 0,
      bytesReceived: 0,
    }),
    hasten: () => undefined,
    retryNow: () => undefined,
    test: () => Promise.resolve([{ step: 'tls', state: 'failed', durationMs: 0, detail: message }]),
    close: () => Promise.resolve(),
  };
}
