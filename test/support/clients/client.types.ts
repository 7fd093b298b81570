import type { Digest } from '../../../server/oci/digest.ts';

/** Every client the tests know. */
export const clientNames = ['skopeo', 'podman', 'buildah', 'crane', 'ctr'] as const;
export type ClientName = (typeof clientNames)[number];

export interface ClientPullOptions {
  /** Registry host as written in the reference → `host:port[/path]` of the plain-HTTP mirror that is asked instead. */
  readonly mirrors?: Readonly<Record<string, string>>;
  /** Speaks HTTPS and trusts this PEM file; default: plain HTTP. */
  readonly caFile?: string;
  /** PEM files of the certificate shown to the server; with `caFile`. */
  readonly certificate?: { readonly certFile: string; readonly keyFile: string };
  /** Names that lead to this machine for this client alone, as if its /etc/hosts said so; needs root. */
  readonly hostNames?: readonly string[];
}

/** A real client. Every pull starts with empty storage, so everything is asked for. */
export interface Client {
  readonly name: ClientName;
  /** Pulls `host:port/repository:tag` (or `@digest`) whole; gives the digest of what the reference led to. Fails with the client's own words. */
  pull(reference: string, options?: ClientPullOptions): Promise<{ readonly digest: Digest }>;
  /** Ends what the client runs in the background and removes its folder. */
  stop(): Promise<void>;
}
