import { afterEach, describe, expect, it, vi } from 'vitest';
import { call, routeUrl } from '../../../../renderer/api/client.ts';
import { ApiError, asSentence, describeError, problemFrom } from '../../../../renderer/api/problem.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Answers every request with `response` and keeps what was asked. */
function answering(response: () => Response): { readonly asked: { url: string; init: RequestInit }[] } {
  const asked: { url: string; init: RequestInit }[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    asked.push({ url, init });
    return Promise.resolve(response());
  });
  return { asked };
}

describe('routeUrl', () => {
  it('encodes what is given and leaves out what is empty or absent', () => {
    const url = routeUrl('/api/v1/audit', { text: 'a b&c', outcome: undefined, digest: '', limit: 0, after: 'x/y' });
    expect(url).toBe('/api/v1/audit?text=a+b%26c&limit=0&after=x%2Fy');
  });
});

describe('call', () => {
  it('takes method and path from the contract and sends the body as JSON', async () => {
    const { asked } = answering(() => Response.json({ ok: true }));
    const answer = await call('setOffline', { body: { offline: true } });
    const [request] = asked;
    expect({ answer, url: request?.url, method: request?.init.method, body: request?.init.body }).toEqual({
      answer: { ok: true },
      url: '/api/v1/offline',
      method: 'POST',
      body: '{"offline":true}',
    });
  });

  it('turns problem JSON into an error with its code, sentence, problems and request id', async () => {
    const problem = {
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      code: 'CONFLICT',
      detail: 'There is one already.',
      problems: ['one', 'two'],
      requestId: 'r1',
    };
    answering(() => Response.json(problem, { status: 409 }));
    const error: unknown = await call('setDefaultUpstream', { body: { name: 'a.test' } }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({
      code: 'CONFLICT',
      status: 409,
      message: 'There is one already.',
      problems: ['one', 'two'],
      requestId: 'r1',
    });
  });

  it('says that nothing answered when the connection failed', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('fetch failed')));
    await expect(call('getStatus', {})).rejects.toMatchObject({ code: 'WINDOW_UNREACHABLE', status: 0 });
  });

  it('passes a cancellation on as it is', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new DOMException('gone', 'AbortError')));
    await expect(call('getStatus', {})).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('an answer that is not problem JSON', () => {
  it('is described by its status', () => {
    expect(problemFrom(502, '<html>')).toMatchObject({ code: 'UNEXPECTED_ANSWER', status: 502 });
    expect(describeError(problemFrom(404, undefined))).toContain('does not know this request');
  });
});

describe('describeError', () => {
  it('has a sentence for whatever was thrown', () => {
    const known = new ApiError({ code: 'CONFLICT', status: 409, detail: 'There is one already.' });
    expect([describeError(known), describeError(new Error('x')), describeError('x')]).toEqual([
      'There is one already.',
      'The window met a fault of its own: x',
      'The window met a fault of its own.',
    ]);
  });
});

describe('asSentence', () => {
  it('begins with a capital letter unless a name stands there', () => {
    expect([
      asSentence('there is no upstream named a.test'),
      asSentence('quay.io: refused'),
      asSentence('urls.0: wrong'),
    ]).toEqual(['There is no upstream named a.test', 'quay.io: refused', 'urls.0: wrong']);
  });
});
