import { parseArgs } from 'node:util';
import type { UpstreamAuth } from './fake-upstream/auth.ts';
import { FakeUpstream } from './fake-upstream/upstream.ts';
import { helmChart } from './image-builder.ts';
import { bigRealImage, realIndex } from './real-image.ts';
import { zhiFixture } from './zhi-fixture.ts';

/** The scripted registry as a process, to play with by hand: `npm run -s fake-upstream -- --help`. */
const usage = `Usage: npm run -s fake-upstream -- [options]
  --port N                port on 127.0.0.1 (default 5001)
  --auth KIND             none, anonymous-bearer, bearer or basic (default none; account demo, password demo)
  --latency-ms N          wait before every answer
  --bytes-per-second N    pace of every body
  --big-mib N             size of demo/big (default 64)
`;

const accounts: Readonly<Record<string, UpstreamAuth>> = {
  none: { kind: 'none' },
  'anonymous-bearer': { kind: 'anonymous-bearer' },
  bearer: { kind: 'bearer', username: 'demo', password: 'demo' },
  basic: { kind: 'basic', username: 'demo', password: 'demo' },
};

interface Choices {
  readonly port: number;
  readonly auth: UpstreamAuth;
  readonly latencyMs: number;
  readonly bytesPerSecond: number;
  readonly bigMib: number;
}

/** @throws Error with a sentence for a person. */
function readChoices(): Choices | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      port: text,
      auth: text,
      'latency-ms': text,
      'bytes-per-second': text,
      'big-mib': text,
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return undefined;
  const auth = accounts[values.auth ?? 'none'];
  if (auth === undefined) throw new Error(`--auth is one of ${Object.keys(accounts).join(', ')}`);
  return {
    port: numberOf('port', values.port, 5001),
    auth,
    latencyMs: numberOf('latency-ms', values['latency-ms'], 0),
    bytesPerSecond: numberOf('bytes-per-second', values['bytes-per-second'], 0),
    bigMib: numberOf('big-mib', values['big-mib'], 64),
  };
}

function numberOf(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`--${name} is a whole number, not "${text}"`);
}

async function serve(choices: Choices): Promise<void> {
  const { latencyMs, bytesPerSecond } = choices;
  const usual = { ...(latencyMs > 0 ? { delay: latencyMs } : {}), ...(bytesPerSecond > 0 ? { bytesPerSecond } : {}) };
  const upstream = new FakeUpstream({ auth: choices.auth, usual });
  const zhi = zhiFixture();
  upstream.add('demo/hello', ['latest', '1.0'], realIndex());
  upstream.add('demo/big', 'latest', bigRealImage(choices.bigMib * 1024 * 1024));
  upstream.add('demo/chart', '1.2.3', helmChart());
  upstream.add(zhi.repository, 'v1.0.0', zhi.index);
  upstream.add(zhi.repository, 's1', zhi.single);
  await upstream.start(choices.port);
  const { host } = upstream;
  console.log(`fake upstream on ${upstream.url}

pull from it:
  skopeo inspect --tls-verify=false --raw docker://${host}/demo/hello:latest
  podman pull --tls-verify=false ${host}/demo/big:latest
  crane manifest --insecure ${host}/demo/chart:1.2.3
  curl ${upstream.url}/v2/${zhi.repository}/manifests/v1.0.0

as an upstream in a settings file:
  upstreams: [{ name: up.test, urls: ["${upstream.url}"] }]
`);
  const stop = (): void => void upstream.stop();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

try {
  const choices = readChoices();
  if (choices === undefined) console.log(usage);
  else await serve(choices);
} catch (error) {
  const known = error as NodeJS.ErrnoException & { readonly port?: number };
  const reason =
    known.code === 'EADDRINUSE' ? `port ${String(known.port)} is in use; choose another with --port` : known.message;
  console.error(reason);
  process.exitCode = 2;
}
