import { createServer } from 'node:net';

const triesLimit = 200;

/**
 * Why no listener can be opened on `port` of `host` (`''` means every interface) right now, as the system's error code
 * (EADDRINUSE, EACCES, EADDRNOTAVAIL, …); undefined when one can.
 */
export function probePort(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? 'EUNKNOWN');
    });
    probe.listen({ port, exclusive: true, ...(host === '' ? {} : { host }) }, () => {
      probe.close(() => {
        resolve(undefined);
      });
    });
  });
}

/**
 * The first free port above `port` on `host` (`''` means every interface), to name in a message; undefined when none of
 * the next 200 is. Somebody may take it a moment later.
 */
export async function nextFreePort(host: string, port: number): Promise<number | undefined> {
  const last = Math.min(port + triesLimit, 65_535);
  for (let candidate = port + 1; candidate <= last; candidate += 1) {
    if ((await probePort(host, candidate)) === undefined) return candidate;
  }
  return undefined;
}
