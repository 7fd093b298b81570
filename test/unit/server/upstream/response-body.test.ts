import { beforeEach, describe, expect, it } from 'vitest';
import { MirrorError, UpstreamError } from '../../../../server/errors.ts';
import { WireBody } from '../../../../server/upstream/response-body.ts';
import { rejectsWith } from '../../../support/expect-code.ts';

const cut = new UpstreamError('UPSTREAM_UNREACHABLE', 'cut');

describe('WireBody', () => {
  let calls: string[];
  let settled: (MirrorError | undefined)[];

  beforeEach(() => {
    calls = [];
    settled = [];
  });

  function bodyOf(expectedBytes?: number): WireBody {
    const source = {
      pause: () => calls.push('pause'),
      resume: () => calls.push('resume'),
      abort: () => calls.push('abort'),
    };
    return new WireBody(source, { host: 'up.test', expectedBytes, onSettled: (error) => settled.push(error) });
  }

  it('hands on the very buffers that came, before and after somebody asked', async () => {
    const body = bodyOf(6);
    const early = Buffer.from('abc');
    const late = Buffer.from('def');
    const got: Buffer[] = [];
    body.push(early);
    const done = body.pump((chunk) => void got.push(chunk));
    body.push(late);
    body.end();
    expect(await done).toBe(6);
    expect(got[0]).toBe(early);
    expect(got[1]).toBe(late);
    expect(settled).toEqual([undefined]);
  });

  it('delivers a body that was complete before somebody asked', async () => {
    const body = bodyOf();
    body.push(Buffer.from('abc'));
    body.end();
    expect((await body.bytes(3)).toString()).toBe('abc');
  });

  it('pauses the upstream while the receiver is busy and delivers in order afterwards', async () => {
    const body = bodyOf();
    const got: string[] = [];
    const gate = Promise.withResolvers<undefined>();
    const done = body.pump((chunk) => {
      got.push(chunk.toString());
      return got.length === 1 ? gate.promise : undefined;
    });
    body.push(Buffer.from('a'));
    body.push(Buffer.from('b'));
    body.end();
    expect([got, calls]).toEqual([['a'], ['resume', 'pause', 'pause']]);
    gate.resolve(undefined);
    expect([await done, got]).toEqual([2, ['a', 'b']]);
  });

  it('does not trouble the receiver with empty pieces', () => {
    const body = bodyOf();
    const got: Buffer[] = [];
    void body.pump((chunk) => {
      got.push(chunk);
      return Promise.resolve();
    });
    body.push(Buffer.alloc(0));
    expect([got, calls]).toEqual([[], ['resume']]);
  });

  it('pauses the upstream when much came and nobody asked', () => {
    const body = bodyOf();
    body.push(Buffer.alloc(100 * 1024));
    expect(calls).toEqual([]);
    body.push(Buffer.alloc(100 * 1024));
    expect(calls).toEqual(['pause']);
  });

  it.each([
    ['shorter', 4, 'UPSTREAM_UNREACHABLE'],
    ['longer', 2, 'UPSTREAM_INVALID'],
  ] as const)('rejects a body %s than its length', async (_, expectedBytes, code) => {
    const body = bodyOf(expectedBytes);
    body.push(Buffer.from('abc'));
    body.end();
    const error = await rejectsWith(
      body.pump(() => undefined),
      UpstreamError,
      code,
    );
    expect(settled).toEqual([error]);
  });

  it('delivers what came before the cut, then rejects', async () => {
    const body = bodyOf(9);
    const got: string[] = [];
    body.push(Buffer.from('abc'));
    body.fail(cut);
    await rejectsWith(
      body.pump((chunk) => void got.push(chunk.toString())),
      UpstreamError,
      'UPSTREAM_UNREACHABLE',
    );
    expect(got).toEqual(['abc']);
    expect(settled).toEqual([cut]);
  });

  it('stops at once when aborted, even while the receiver is busy, and tells a late receiver', async () => {
    const body = bodyOf();
    const done = body.pump(() => new Promise(() => undefined));
    body.push(Buffer.from('abc'));
    body.abort(new MirrorError('CANCELLED', 'gone'));
    await rejectsWith(done, MirrorError, 'CANCELLED');
    await rejectsWith(
      body.pump(() => undefined),
      MirrorError,
      'CANCELLED',
    );
    expect(calls).toEqual(['resume', 'pause', 'abort']);
  });

  it("rejects with the receiver's own error and closes the connection", async () => {
    const full = new MirrorError('STORAGE_FULL', 'full');
    const body = bodyOf();
    const done = body.pump(() => Promise.reject(full));
    body.push(Buffer.from('abc'));
    expect(await rejectsWith(done, MirrorError, 'STORAGE_FULL')).toBe(full);
    expect([calls, settled]).toEqual([['resume', 'pause', 'abort'], [undefined]]);
  });

  it('refuses more bytes than allowed, by the length or by counting', async () => {
    const stated = bodyOf(5);
    await rejectsWith(stated.bytes(4), UpstreamError, 'UPSTREAM_INVALID');
    const unstated = bodyOf();
    const counted = unstated.bytes(4);
    unstated.push(Buffer.from('abc'));
    unstated.push(Buffer.from('de'));
    await rejectsWith(counted, UpstreamError, 'UPSTREAM_INVALID');
    expect(calls.at(-1)).toBe('abort');
  });

  it('reads a small rest to keep the connection and closes it for a large one', () => {
    bodyOf(1000).cancel();
    expect(calls).toEqual(['resume']);
    bodyOf(1_000_000).cancel();
    bodyOf().cancel();
    expect(calls).toEqual(['resume', 'abort', 'abort']);
    expect(settled).toEqual([undefined, undefined, undefined]);
  });
});
