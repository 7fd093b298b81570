import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program on this machine, or why it cannot be used. */
export type Tool =
  { readonly available: true; readonly path: string } | { readonly available: false; readonly reason: string };

const projectTools = join(import.meta.dirname, '..', '..', '.cache', 'bin');
const howTo: Readonly<Record<string, string>> = {
  skopeo: 'apt-get install skopeo',
  podman: 'apt-get install podman',
  buildah: 'apt-get install buildah',
  ctr: 'apt-get install containerd',
  containerd: 'apt-get install containerd',
  crane: 'go install github.com/google/go-containerregistry/cmd/crane@latest',
  cosign: 'go install github.com/sigstore/cosign/v3/cmd/cosign@latest',
  helm: 'go install helm.sh/helm/v3/cmd/helm@latest',
};

/** Looks for a program on the PATH, in the usual folders and in the project's own `.cache/bin`. */
export function hasTool(name: string): Tool {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/local/bin',
    '/usr/bin',
    '/usr/sbin',
    projectTools,
  ];
  const path = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (path !== undefined) return { available: true, path };
  return {
    available: false,
    reason: `${name} is not installed${howTo[name] === undefined ? '' : ` (${howTo[name]})`}`,
  };
}

/** Path of a program the test has asked for before. */
export function toolPath(name: string): string {
  const tool = hasTool(name);
  if (!tool.available) throw new Error(tool.reason);
  return tool.path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
