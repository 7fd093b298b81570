import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isDigest } from '../../../server/oci/digest.ts';
import type { Digest } from '../../../server/oci/digest.ts';
import { runWell } from '../child-process.ts';
import { toolPath } from '../tools.ts';
import type { ClientPullOptions } from './client.types.ts';

/** A home for one client: nothing of the machine's own settings or credentials is seen. */
export class Workspace {
  readonly directory: string;
  #counter = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(name: string): Promise<Workspace> {
    const workspace = new Workspace(await mkdtemp(join(tmpdir(), `zhi-${name}-`)));
    await workspace.write(
      'home/.config/containers/policy.json',
      JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }),
    );
    await workspace.write('auth.json', '{}');
    await mkdir(join(workspace.directory, 'run'));
    return workspace;
  }

  /** Environment for the client; `registriesFile` is a containers registries.conf. */
  environment(registriesFile?: string): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      HOME: join(this.directory, 'home'),
      TMPDIR: join(this.directory, 'run'),
      XDG_RUNTIME_DIR: join(this.directory, 'run'),
      REGISTRY_AUTH_FILE: join(this.directory, 'auth.json'),
      DOCKER_CONFIG: join(this.directory, 'home', '.docker'),
      ...(registriesFile === undefined ? {} : { CONTAINERS_REGISTRIES_CONF: registriesFile }),
    };
  }

  /** Writes a file; a relative name is inside the workspace. */
  async write(name: string, text: string): Promise<string> {
    const path = resolve(this.directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return path;
  }

  /** The path of a folder not used before; not made. */
  unused(name: string): string {
    this.#counter += 1;
    return join(this.directory, `${name}-${String(this.#counter)}`);
  }

  /** A containers registries.conf (version 2) with these mirrors, asked over plain HTTP before their registry. */
  async registriesFile(mirrors: Readonly<Record<string, string>> = {}): Promise<string> {
    const entries = Object.entries(mirrors).map(
      ([name, location]) =>
        `[[registry]]\nlocation = "${name}"\n[[registry.mirror]]\nlocation = "${location}"\ninsecure = true\n`,
    );
    return this.write('registries.conf', entries.join('\n'));
  }

  /** Runs a program to its good end, in a mount namespace with a hosts file of its own when there are `hostNames`. */
  async run(
    program: string,
    args: readonly string[],
    { hostNames = [] }: ClientPullOptions,
    env: NodeJS.ProcessEnv,
  ): Promise<string> {
    const command = toolPath(program);
    if (hostNames.length === 0) return runWell(command, args, { env });
    const hosts = await this.write('hosts', `127.0.0.1 localhost ${hostNames.join(' ')}\n`);
    const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
    return runWell(toolPath('unshare'), ['--mount', 'sh', '-c', script, hosts, command, ...args], { env });
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A folder with the authority's and the client's certificate as the containers tools want it, for `--cert-dir`. */
export async function certificateArguments(
  workspace: Workspace,
  option: string,
  { caFile, certificate }: ClientPullOptions,
): Promise<string[]> {
  if (caFile === undefined) return [];
  const directory = workspace.unused('certificates');
  await mkdir(directory);
  await copyFile(caFile, join(directory, 'ca.crt'));
  if (certificate !== undefined) {
    await copyFile(certificate.certFile, join(directory, 'client.cert'));
    await copyFile(certificate.keyFile, join(directory, 'client.key'));
  }
  return [option, directory];
}

/** The digest in a client's output. */
export function digestIn(text: string): Digest {
  const digest = text.trim();
  if (isDigest(digest)) return digest;
  throw new Error(`expected a digest, the client printed: ${text}`);
}
