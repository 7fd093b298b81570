import type { ServerResponse } from 'node:http';
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { EventStream } from '../../../../server/api/event-stream.ts';
import type { AdminParts } from '../../../../server/api/parts.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

/** What the stream uses of an answer, with a reader that can stop reading. */
class FakeResponse extends EventEmitter {
  readonly written: string[] = [];
  destroyed = false;
  writableEnded = false;
  writableLength = 0;
  isReading = true;

  writeHead(): this {
    return this;
  }

  write(text: string): boolean {
    this.written.push(text);
    if (!this.isReading) this.writableLength += text.length;
    return this.isReading;
  }

  end(): void {
    this.writableEnded = true;
    this.emit('close');
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function setUp() {
  const clock = new FakeClock();
  const watchers = new Set<string>();
  const health = { state: 'ok', retryAt: undefined as number | undefined };
  const watch = (name: string) => () => {
    watchers.add(name);
    return () => watchers.delete(name);
  };
  const parts = {
    clock,
    control: { status: () => ({ state: 'running' }), onStatus: watch('status'), onCacheChange: watch('cache') },
    audit: { subscribe: watch('audit') },
    upstreams: {
      list: () => [
        {
          settings: { name: 'up.test' },
          client: { health: () => ({ ...health, requests: 0, failures: 0, bytesReceived: 0 }) },
        },
      ],
    },
  } as unknown as AdminParts;
  const stream = new EventStream(parts);
  const open = (): FakeResponse => {
    const response = new FakeResponse();
    stream.open(response as unknown as ServerResponse, {});
    return response;
  };
  return { clock, watchers, health, stream, open };
}

const names = (response: FakeResponse): string[] =>
  response.written.map((text) => /^event: (\S+)/.exec(text)?.[1] ?? 'comment');

describe('the event stream', () => {
  it('watches only while somebody looks', () => {
    const { watchers, stream, open } = setUp();
    const [one, two] = [open(), open()];
    expect([...watchers]).toEqual(['status', 'cache', 'audit']);
    one.destroy();
    expect([stream.size, watchers.size]).toEqual([1, 3]);
    two.destroy();
    expect([stream.size, watchers.size]).toEqual([0, 0]);
  });

  it('starts with status and upstreams, tells health only when it changed, and beats every 15 s', async () => {
    const { clock, health, open } = setUp();
    const response = open();
    await clock.advance(14_000);
    expect(names(response)).toEqual(['status', 'upstreams']);
    health.state = 'open';
    health.retryAt = clock.now() + 30_000;
    await clock.advance(1000);
    expect(names(response)).toEqual(['status', 'upstreams', 'upstreams', 'comment']);
    health.retryAt += 1;
    await clock.advance(1000);
    expect(response.written).toHaveLength(4);
  });

  it('cuts off a window that does not read and goes on for the others', () => {
    const { stream, open } = setUp();
    const [slow, quick] = [open(), open()];
    slow.isReading = false;
    const rows = [{ id: 'x'.repeat(600_000) }] as never;
    for (let turn = 0; turn < 4; turn += 1) stream.send('requests', { rows, dropped: 0 });
    expect([slow.destroyed, quick.destroyed, stream.size]).toEqual([true, false, 1]);
    expect(slow.written.filter((text) => text.startsWith('event: requests'))).toHaveLength(2);
    expect(quick.written.filter((text) => text.startsWith('event: requests'))).toHaveLength(4);
  });
});
