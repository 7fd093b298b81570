import { canonicalHost } from '../config/upstream-text.ts';

/** One base URL of an upstream, taken apart. */
export interface Endpoint {
  /** Scheme, host and port, as `URL.origin` writes it. */
  readonly origin: string;
  readonly hostname: string;
  readonly isSecure: boolean;
  /** Put before every repository, without slashes at the ends; often empty. */
  readonly prefix: string;
  /** Whether one-segment repositories live under `library/`. */
  readonly hasLibrary: boolean;
}

/** Docker Hub's registry answers only here, whatever name people write. */
const dockerHubHost = 'registry-1.docker.io';

/** True for every name Docker Hub goes by, so not for `evildocker.io`. */
export function isDockerHub(host: string): boolean {
  return canonicalHost(host) === 'docker.io';
}

/** The base URLs of an upstream in the order they are tried; without any, https and its name. */
export function endpointsOf(name: string, urls: readonly string[]): readonly Endpoint[] {
  return (urls.length === 0 ? [`https://${name}`] : urls).map((url) => endpointOf(name, url));
}

function endpointOf(name: string, text: string): Endpoint {
  const url = new URL(text);
  const isHub = isDockerHub(url.host);
  if (isHub) url.host = dockerHubHost;
  const prefix = url.pathname.replace(/\/+/g, '/').replace(/^\/(?:v2(?:\/|$))?|\/$/g, '');
  // https://docker.io/library already says where official images are; a mirror of Docker Hub does not
  const saysLibrary = (isHub && prefix !== '') || /(?:^|\/)library$/.test(prefix);
  return {
    origin: url.origin,
    hostname: url.hostname,
    isSecure: url.protocol === 'https:',
    prefix,
    hasLibrary: (isHub || isDockerHub(name)) && !saysLibrary,
  };
}

/** The repository's name on the wire: Docker Hub's `library/` added, the base URL's path in front. */
export function repositoryOn(endpoint: Endpoint, repository: string): string {
  const named = endpoint.hasLibrary && !repository.includes('/') ? `library/${repository}` : repository;
  return endpoint.prefix === '' ? named : `${endpoint.prefix}/${named}`;
}
