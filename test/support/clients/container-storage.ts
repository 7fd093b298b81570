import type { Digest } from '../../../server/oci/digest.ts';
import type { Client, ClientPullOptions } from './client.types.ts';
import { certificateArguments, digestIn, Workspace } from './workspace.ts';

/** Options that let podman and buildah unpack as root in a container: no overlay, no systemd, own storage. */
function storageArguments(root: string): string[] {
  return ['--root', `${root}/root`, '--runroot', `${root}/run`, '--storage-driver', 'vfs'];
}

async function pullArguments(workspace: Workspace, options: ClientPullOptions): Promise<string[]> {
  const certificates = await certificateArguments(workspace, '--cert-dir', options);
  // with mirrors, the file says for each host whether it is plain HTTP
  const verify = options.caFile === undefined && options.mirrors === undefined ? ['--tls-verify=false'] : [];
  return ['pull', '--quiet', ...verify, ...certificates];
}

/** podman: unpacks into vfs storage of its own. */
export class PodmanClient implements Client {
  readonly name = 'podman';
  readonly #workspace: Workspace;

  private constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  static async start(): Promise<PodmanClient> {
    return new PodmanClient(await Workspace.create('podman'));
  }

  async pull(reference: string, options: ClientPullOptions = {}): Promise<{ readonly digest: Digest }> {
    const storage = this.#workspace.unused('storage');
    const program = [
      ...storageArguments(storage),
      '--cgroup-manager',
      'cgroupfs',
      '--events-backend',
      'file',
      '--log-level',
      'error',
    ];
    const env = this.#workspace.environment(await this.#workspace.registriesFile(options.mirrors));
    const podman = (args: readonly string[]): Promise<string> =>
      this.#workspace.run('podman', [...program, ...args], options, env);
    const id = await podman([...(await pullArguments(this.#workspace, options)), reference]);
    const digest = await podman(['image', 'inspect', '--format', '{{.Digest}}', id.trim()]);
    return { digest: digestIn(digest) };
  }

  stop(): Promise<void> {
    return this.#workspace.remove();
  }
}

/** buildah: the same storage, another program. */
export class BuildahClient implements Client {
  readonly name = 'buildah';
  readonly #workspace: Workspace;

  private constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  static async start(): Promise<BuildahClient> {
    return new BuildahClient(await Workspace.create('buildah'));
  }

  async pull(reference: string, options: ClientPullOptions = {}): Promise<{ readonly digest: Digest }> {
    const program = storageArguments(this.#workspace.unused('storage'));
    const env = this.#workspace.environment(await this.#workspace.registriesFile(options.mirrors));
    const buildah = (args: readonly string[]): Promise<string> =>
      this.#workspace.run('buildah', [...program, ...args], options, env);
    await buildah([...(await pullArguments(this.#workspace, options)), reference]);
    const images = JSON.parse(await buildah(['images', '--digests', '--json'])) as readonly {
      readonly digest: string;
    }[];
    return { digest: digestIn(images[0]?.digest ?? '') };
  }

  stop(): Promise<void> {
    return this.#workspace.remove();
  }
}
