import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Workspace } from './workspace.ts';

/** A key pair of cosign's. */
export interface CosignKey {
  /** Name of the pair; its files are `<name>.key` and `<name>.pub`. */
  readonly name: string;
  readonly publicFile: string;
  readonly publicPem: string;
}

/** Where cosign puts a signature: under its own tag, or as a Sigstore bundle that refers to the image. */
export type CosignForm = 'tag' | 'bundle';

/** Real cosign with a home of its own; nothing is sent to a transparency log. */
export class Cosign {
  readonly #workspace: Workspace;

  private constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  static async start(): Promise<Cosign> {
    return new Cosign(await Workspace.create('cosign'));
  }

  /** A new ECDSA pair, or the pair of a private key in PEM. */
  async makeKey(name: string, privatePem?: string): Promise<CosignKey> {
    const prefix = join(this.#workspace.directory, name);
    if (privatePem === undefined) await this.#run(['generate-key-pair', '--output-key-prefix', prefix]);
    else {
      const file = await this.#workspace.write(`${name}.pem`, privatePem);
      await this.#run(['import-key-pair', '--key', file, '--output-key-prefix', prefix]);
    }
    const publicFile = `${prefix}.pub`;
    return { name, publicFile, publicPem: await readFile(publicFile, 'utf8') };
  }

  /** Signs `host/repository@digest` and pushes the signature beside it. */
  async sign(
    reference: string,
    { name, publicFile }: CosignKey,
    options: { readonly form: CosignForm; readonly annotations?: Readonly<Record<string, string>> },
  ): Promise<void> {
    const { form, annotations = {} } = options;
    await this.#run([
      'sign',
      '--yes',
      ...['--key', join(dirname(publicFile), `${name}.key`)],
      ...Object.entries(annotations).flatMap(([key, value]) => ['-a', `${key}=${value}`]),
      ...['--tlog-upload=false', '--use-signing-config=false', `--new-bundle-format=${String(form === 'bundle')}`],
      ...registryFlags,
      reference,
    ]);
  }

  /** Verifies as cosign does, over the network; fails with its words. */
  async verify(reference: string, { publicFile }: CosignKey): Promise<void> {
    await this.#run(['verify', '--key', publicFile, '--insecure-ignore-tlog=true', ...registryFlags, reference]);
  }

  async #run(args: readonly string[]): Promise<string> {
    const env = { ...this.#workspace.environment(), COSIGN_PASSWORD: '' };
    return this.#workspace.run('cosign', args, {}, env);
  }

  stop(): Promise<void> {
    return this.#workspace.remove();
  }
}

const registryFlags = ['--allow-insecure-registry', '--allow-http-registry'];
