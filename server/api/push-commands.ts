import type { Status } from './contract.ts';

/**
 * Commands that push to a repository of this mirror, by the best address clients have; what stands for the person's own
 * content is named after the repository. Empty while the mirror has no address. PURE.
 */
export function pushCommands(
  repository: string,
  status: Pick<Status, 'addresses' | 'tls'>,
): { tool: string; command: string }[] {
  const [address] = status.addresses;
  if (address === undefined) return [];
  const slash = repository.lastIndexOf('/');
  const name = repository.slice(slash + 1);
  const base = `${address}/${repository}`;
  const to = `${base}:latest`;
  const plain = (flag: string): string => (status.tls ? '' : `${flag} `);
  // helm adds the chart's own name to what it is given
  const chartParent = slash < 0 ? address : `${address}/${repository.slice(0, slash)}`;
  return [
    { tool: 'Docker', command: `docker tag ${name}:latest ${to} && docker push ${to}` },
    { tool: 'Podman', command: `podman push ${plain('--tls-verify=false')}${name}:latest ${to}` },
    {
      tool: 'skopeo',
      command: `skopeo copy --all ${plain('--dest-tls-verify=false')}oci:${name}:latest docker://${to}`,
    },
    { tool: 'crane', command: `crane push ${plain('--insecure')}${name}.tar ${to}` },
    { tool: 'Helm', command: `helm push ${plain('--plain-http')}${name}-0.1.0.tgz oci://${chartParent}` },
    {
      tool: 'buildah',
      command: `buildah build --layers ${plain('--tls-verify=false')}--cache-from ${base} --cache-to ${base} .`,
    },
  ];
}
