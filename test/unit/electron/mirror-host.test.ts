import { expect, it } from 'vitest';
import { MirrorHost, describeFailure } from '../../../electron/mirror-host.ts';
import { FakeMirror } from './mirror-double.ts';

function hostOf(...mirrors: FakeMirror[]) {
  const rest = [...mirrors];
  const host = new MirrorHost(() => Promise.resolve(rest.shift()!));
  const kinds: string[] = [];
  host.onChange((state) => kinds.push(state.kind));
  return { host, kinds };
}

function portInUse(): Error {
  return Object.assign(new Error('Port 5050 is in use.'), { code: 'PORT_IN_USE' });
}

it('goes through starting to running and through stopping to stopped', async () => {
  const { host, kinds } = hostOf(new FakeMirror());
  await host.start();
  expect(host.adminUrl).toBe('http://127.0.0.1:5051/');
  await host.stop();
  expect(kinds).toEqual(['starting', 'running', 'stopping', 'stopped']);
  expect(host.adminUrl).toBeUndefined();
});

it('keeps the failure of a start as its state, frees what was opened, and starts when asked again', async () => {
  const failing = new FakeMirror();
  failing.startFailure = portInUse();
  const { host } = hostOf(failing, new FakeMirror());
  await host.start();
  expect(host.state).toEqual({ kind: 'failed', failure: { code: 'PORT_IN_USE', message: 'Port 5050 is in use.' } });
  expect(failing.calls).toEqual(['start', 'stop', 'stopped']);
  await host.start();
  expect(host.state.kind).toBe('running');
});

it('tells the first failure even if cleaning up after it fails too', async () => {
  const failing = new FakeMirror();
  failing.startFailure = portInUse();
  failing.stopFailure = new Error('not open');
  const { host } = hostOf(failing);
  await host.start();
  expect(host.state).toMatchObject({ kind: 'failed', failure: { code: 'PORT_IN_USE' } });
});

it('fails in the same way when the settings cannot be read', async () => {
  const host = new MirrorHost(() => Promise.reject(new Error('unknown setting "lisen"')));
  await host.start();
  expect(host.state).toEqual({ kind: 'failed', failure: { code: undefined, message: 'unknown setting "lisen"' } });
});

it('does not start a second mirror while one runs', async () => {
  const mirror = new FakeMirror();
  const { host } = hostOf(mirror);
  await Promise.all([host.start(), host.start()]);
  expect(mirror.calls).toEqual(['start']);
});

it('starts a new mirror only after the old one has stopped', async () => {
  const old = new FakeMirror();
  old.holdStop = true;
  const next = new FakeMirror();
  const { host } = hostOf(old, next);
  await host.start();
  const stopped = host.stop();
  const started = host.start();
  await expect.poll(() => old.calls).toEqual(['start', 'stop']);
  expect(next.calls).toEqual([]);
  old.releaseStop();
  await stopped;
  await started;
  expect(next.calls).toEqual(['start']);
});

it('passes on each change of status while it runs and none afterwards', async () => {
  const mirror = new FakeMirror();
  const { host, kinds } = hostOf(mirror);
  await host.start();
  mirror.change({ clientsLast10Min: 7 });
  expect(host.state).toMatchObject({ kind: 'running', status: { clientsLast10Min: 7 } });
  await host.stop();
  expect(mirror.listenerCount).toBe(0);
  expect(kinds).toEqual(['starting', 'running', 'running', 'stopping', 'stopped']);
});

it('says when the mirror could not be stopped cleanly, and can start again', async () => {
  const mirror = new FakeMirror();
  mirror.stopFailure = new Error('database is locked');
  const { host } = hostOf(mirror, new FakeMirror());
  await host.start();
  await host.stop();
  expect(host.state).toMatchObject({ kind: 'failed', failure: { message: 'database is locked' } });
  await host.start();
  expect(host.state.kind).toBe('running');
});

it('switches serving and offline mode of the running mirror only', async () => {
  const mirror = new FakeMirror();
  const { host } = hostOf(mirror);
  await host.setServing(false);
  await host.start();
  await host.setServing(false);
  await host.setOffline(true);
  expect(mirror.calls).toEqual(['start', 'serving false', 'offline true']);
});

it('describes what is not an error too', () => {
  expect(describeFailure('out of luck')).toEqual({ code: undefined, message: 'out of luck' });
});
