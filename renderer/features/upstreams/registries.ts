/** The gallery: registries people start with. `name` is empty where the host is one's own. */
export interface RegistryPreset {
  readonly id: string;
  readonly title: string;
  /** Two letters for the tile. */
  readonly mark: string;
  readonly about: string;
  readonly name: string;
  readonly namePlaceholder: string;
  /** A small public artifact to test with; empty where none is known. */
  readonly test: { readonly repository: string; readonly reference: string };
  readonly hint?: string;
}

/** In the order of the gallery. */
export const registryPresets: readonly RegistryPreset[] = [
  {
    id: 'docker',
    title: 'Docker Hub',
    mark: 'DH',
    about: 'Official and community images. Counts pulls; an account raises the limit.',
    name: 'docker.io',
    namePlaceholder: 'docker.io',
    test: { repository: 'library/alpine', reference: 'latest' },
    hint: 'Without an account only few pulls per hour are free. Add one after saving.',
  },
  {
    id: 'ghcr',
    title: 'GitHub (GHCR)',
    mark: 'GH',
    about: 'GitHub’s container registry.',
    name: 'ghcr.io',
    namePlaceholder: 'ghcr.io',
    test: { repository: 'astral-sh/uv', reference: 'latest' },
  },
  {
    id: 'quay',
    title: 'Quay',
    mark: 'Q',
    about: 'Red Hat’s public registry.',
    name: 'quay.io',
    namePlaceholder: 'quay.io',
    test: { repository: 'prometheus/busybox', reference: 'latest' },
  },
  {
    id: 'k8s',
    title: 'registry.k8s.io',
    mark: 'K8',
    about: 'Kubernetes’ own images.',
    name: 'registry.k8s.io',
    namePlaceholder: 'registry.k8s.io',
    test: { repository: 'pause', reference: '3.10' },
  },
  {
    id: 'mcr',
    title: 'Microsoft (MCR)',
    mark: 'MS',
    about: 'Microsoft Artifact Registry.',
    name: 'mcr.microsoft.com',
    namePlaceholder: 'mcr.microsoft.com',
    test: { repository: 'hello-world', reference: 'latest' },
  },
  {
    id: 'ecr',
    title: 'ECR Public',
    mark: 'EC',
    about: 'Amazon’s public gallery.',
    name: 'public.ecr.aws',
    namePlaceholder: 'public.ecr.aws',
    test: { repository: 'docker/library/alpine', reference: 'latest' },
  },
  {
    id: 'gitlab',
    title: 'GitLab',
    mark: 'GL',
    about: 'gitlab.com, or your own GitLab.',
    name: 'registry.gitlab.com',
    namePlaceholder: 'registry.gitlab.com',
    test: { repository: '', reference: '' },
    hint: 'Private projects need a deploy token or a personal access token with read_registry.',
  },
  {
    id: 'harbor',
    title: 'Harbor',
    mark: 'HB',
    about: 'Your company’s Harbor.',
    name: '',
    namePlaceholder: 'harbor.example.com',
    test: { repository: '', reference: '' },
    hint: 'A robot account limited to pulling is enough.',
  },
  {
    id: 'custom',
    title: 'Another registry',
    mark: '+',
    about: 'Anything that speaks the OCI distribution API.',
    name: '',
    namePlaceholder: 'registry.example.com:5000',
    test: { repository: '', reference: '' },
  },
];
