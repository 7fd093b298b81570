import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../../server/oci/digest.ts';
import type { Client, ClientPullOptions } from './client.types.ts';
import { digestIn, Workspace } from './workspace.ts';

/** crane: saves an OCI layout with everything an index lists. */
export class CraneClient implements Client {
  readonly name = 'crane';
  readonly #workspace: Workspace;

  private constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  static async start(): Promise<CraneClient> {
    return new CraneClient(await Workspace.create('crane'));
  }

  async pull(reference: string, options: ClientPullOptions = {}): Promise<{ readonly digest: Digest }> {
    if (options.mirrors !== undefined) throw new Error('crane has no setting for mirrors');
    if (options.certificate !== undefined) throw new Error('crane has no setting for a client certificate');
    const target = this.#workspace.unused('pulled');
    await this.#run(['pull', '--format', 'oci', reference, target], options);
    const layout = JSON.parse(await readFile(join(target, 'index.json'), 'utf8')) as {
      readonly manifests: readonly { readonly digest: string }[];
    };
    await rm(target, { recursive: true });
    return { digest: digestIn(layout.manifests[0]?.digest ?? '') };
  }

  /** `crane validate`: every layer is read, unpacked and compared with the config. Fails with crane's words. */
  async validate(reference: string, options: ClientPullOptions = {}): Promise<void> {
    await this.#run(['validate', '--remote', reference], options);
  }

  /** Tags as `crane ls` gives them. */
  async listTags(repository: string): Promise<readonly string[]> {
    return (await this.#run(['ls', repository], {})).split('\n').filter((line) => line !== '');
  }

  async #run(args: readonly string[], options: ClientPullOptions): Promise<string> {
    const { caFile } = options;
    const trust = caFile === undefined ? {} : { SSL_CERT_FILE: caFile };
    const insecure = caFile === undefined ? ['--insecure'] : [];
    return this.#workspace.run('crane', [...args, ...insecure], options, {
      ...this.#workspace.environment(),
      ...trust,
    });
  }

  stop(): Promise<void> {
    return this.#workspace.remove();
  }
}
