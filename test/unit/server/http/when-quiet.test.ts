import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { whenQuiet } from '../../../../server/http/when-quiet.ts';
import { atTestEnd } from '../../../support/cleanup.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

async function openDoor() {
  const door = createServer();
  await new Promise<void>((resolve) => {
    door.listen(0, '127.0.0.1', resolve);
  });
  atTestEnd(() => {
    door.closeAllConnections();
    door.close();
    return Promise.resolve();
  });
  const enter = async (): Promise<Socket> => {
    const arrived = new Promise((resolve) => door.once('connection', resolve));
    const socket = connect((door.address() as AddressInfo).port, '127.0.0.1');
    await arrived;
    return socket;
  };
  const connected = (): Promise<number> =>
    new Promise((resolve) => {
      door.getConnections((_, count) => {
        resolve(count);
      });
    });
  return { door, enter, connected };
}

describe('what waits for a quiet moment', () => {
  it('is done once, and not at once', async () => {
    const { door, connected } = await openDoor();
    const clock = new FakeClock();
    const done: number[] = [];
    whenQuiet(door, clock, () => done.push(clock.monotonic()));

    for (let looks = 0; looks < 3; looks += 1) {
      await clock.advance(1500);
      await connected();
    }

    expect(done).toEqual([1500]);
  });

  it('waits while somebody is connected', async () => {
    const { door, enter, connected } = await openDoor();
    const clock = new FakeClock();
    const done: number[] = [];
    const socket = await enter();
    whenQuiet(door, clock, () => done.push(clock.monotonic()));

    await clock.advance(1500);
    await connected();
    socket.destroy();
    while ((await connected()) > 0) await turn();
    await clock.advance(1500);
    await connected();

    expect(done).toEqual([3000]);
  });

  it('is not done after it was given up', async () => {
    const { door, connected } = await openDoor();
    const clock = new FakeClock();
    const done: number[] = [];
    whenQuiet(door, clock, () => done.push(1))();

    await clock.advance(1500);
    await connected();

    expect(done).toEqual([]);
  });
});
