import { join } from 'node:path';
import type { Digest } from '../../../server/oci/digest.ts';
import { RunningProcess } from '../child-process.ts';
import type { Client, ClientPullOptions } from './client.types.ts';
import { toolPath } from '../tools.ts';
import { digestIn, Workspace } from './workspace.ts';

/** Plugins that want a kernel module, a device or a network; none is needed to pull. */
const disabledPlugins = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.internal.v1.opt',
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.overlayfs',
  'io.containerd.snapshotter.v1.zfs',
];

/** containerd with its `ctr`: mirrors by hosts.toml, which ask with `?ns=`. */
export class ContainerdClient implements Client {
  readonly name = 'ctr';
  readonly #workspace: Workspace;
  readonly #daemon: RunningProcess;
  readonly #socket: string;
  #pulls = 0;

  private constructor(workspace: Workspace, daemon: RunningProcess, socket: string) {
    this.#workspace = workspace;
    this.#daemon = daemon;
    this.#socket = socket;
  }

  static async start(): Promise<ContainerdClient> {
    const workspace = await Workspace.create('ctr');
    const socket = join(workspace.directory, 'c.sock');
    const config = await workspace.write('config.toml', configuration(workspace.directory, socket));
    const daemon = new RunningProcess(toolPath('containerd'), ['--config', config, '--log-level', 'info'], {
      env: workspace.environment(),
    });
    await daemon.printed(/containerd successfully booted/);
    return new ContainerdClient(workspace, daemon, socket);
  }

  async pull(reference: string, options: ClientPullOptions = {}): Promise<{ readonly digest: Digest }> {
    this.#pulls += 1;
    // namespaces share nothing (see configuration): every pull finds an empty store
    const program = ['--address', this.#socket, '--namespace', `pull-${String(this.#pulls)}`, 'images'];
    const env = this.#workspace.environment();
    const how = [...(await this.#hosts(reference, options)), ...(options.caFile === undefined ? ['--plain-http'] : [])];
    const pull = [...program, 'pull', '--snapshotter', 'native', ...how, reference];
    await this.#workspace.run('ctr', pull, options, env);
    const list = await this.#workspace.run('ctr', [...program, 'ls'], {}, env);
    const row = list.split('\n').find((line) => line.startsWith(`${reference} `));
    return { digest: digestIn(/sha(?:256|512):[0-9a-f]+/.exec(row?.slice(reference.length) ?? '')?.[0] ?? list) };
  }

  /** A hosts.toml per host, as an administrator writes it. */
  async #hosts(reference: string, { mirrors = {}, caFile, certificate }: ClientPullOptions): Promise<string[]> {
    const files = Object.entries(mirrors).map(([name, location]) => [name, mirrorHosts(name, location)] as const);
    const own = reference.slice(0, reference.indexOf('/'));
    const shown =
      certificate === undefined ? '' : `  client = [["${certificate.certFile}", "${certificate.keyFile}"]]\n`;
    if (caFile !== undefined) files.push([own, `[host."https://${own}"]\n  ca = "${caFile}"\n${shown}`]);
    if (files.length === 0) return [];
    const directory = this.#workspace.unused('hosts');
    for (const [name, text] of files) await this.#workspace.write(join(directory, name, 'hosts.toml'), text);
    return ['--hosts-dir', directory];
  }

  async stop(): Promise<void> {
    await this.#daemon.end();
    await this.#workspace.remove();
  }
}

/** A path after the mirror's host is put before the repository. */
function mirrorHosts(name: string, location: string): string {
  const slash = location.indexOf('/');
  const url = slash < 0 ? `http://${location}` : `http://${location.slice(0, slash)}/v2${location.slice(slash)}`;
  const override = slash < 0 ? '' : '  override_path = true\n';
  // the file for every other host cannot name one
  const server = name === '_default' ? '' : `server = "https://${name}"\n\n`;
  return `${server}[host."${url}"]\n  capabilities = ["pull", "resolve"]\n${override}`;
}

function configuration(directory: string, socket: string): string {
  return `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ${JSON.stringify(disabledPlugins)}
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${directory}/t.sock"
[plugins."io.containerd.metadata.v1.bolt"]
  content_sharing_policy = "isolated"
`;
}
