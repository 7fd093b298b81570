import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../../../server/oci/digest.ts';
import type { Digest } from '../../../server/oci/digest.ts';
import type { Client, ClientPullOptions } from './client.types.ts';
import { certificateArguments, Workspace } from './workspace.ts';

/** skopeo: copies everything an index lists and keeps the bytes. */
export class SkopeoClient implements Client {
  readonly name = 'skopeo';
  readonly #workspace: Workspace;

  private constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  static async start(): Promise<SkopeoClient> {
    return new SkopeoClient(await Workspace.create('skopeo'));
  }

  async pull(reference: string, options: ClientPullOptions = {}): Promise<{ readonly digest: Digest }> {
    const target = this.#workspace.unused('pulled');
    const certificates = await certificateArguments(this.#workspace, '--src-cert-dir', options);
    const verify = `--src-tls-verify=${String(options.caFile !== undefined)}`;
    await this.#run(
      ['copy', '--quiet', '--all', verify, ...certificates, `docker://${reference}`, `dir:${target}`],
      options,
    );
    const digest = digestOf(await readFile(join(target, 'manifest.json')));
    await rm(target, { recursive: true });
    return { digest };
  }

  /** The manifest as the client sees it, byte for byte. */
  async inspectRaw(reference: string, options: ClientPullOptions = {}): Promise<string> {
    const certificates = await certificateArguments(this.#workspace, '--cert-dir', options);
    return this.#run(
      [
        'inspect',
        '--raw',
        `--tls-verify=${String(options.caFile !== undefined)}`,
        ...certificates,
        `docker://${reference}`,
      ],
      options,
    );
  }

  /** Tags as `skopeo list-tags` gives them. */
  async listTags(repository: string): Promise<readonly string[]> {
    const text = await this.#run(['list-tags', '--tls-verify=false', `docker://${repository}`], {});
    return (JSON.parse(text) as { readonly Tags: readonly string[] }).Tags;
  }

  async #run(args: readonly string[], options: ClientPullOptions): Promise<string> {
    const registries = await this.#workspace.registriesFile(options.mirrors);
    // unlike podman and buildah it does not read the file from its environment
    return this.#workspace.run(
      'skopeo',
      ['--registries-conf', registries, ...args],
      options,
      this.#workspace.environment(),
    );
  }

  stop(): Promise<void> {
    return this.#workspace.remove();
  }
}
