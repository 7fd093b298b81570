type Environment = Readonly<Record<string, string | undefined>>;

/** The environment's proxies as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say; empty means none. */
export interface ProxyEnvironment {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
}

/** Reads the proxy variables, upper case before lower case; a proxy without scheme is an `http://` one. */
export function readProxyEnvironment(env: Environment): ProxyEnvironment {
  const read = (name: string): string => env[name] ?? env[name.toLowerCase()] ?? '';
  return {
    httpProxy: withScheme(read('HTTP_PROXY')),
    httpsProxy: withScheme(read('HTTPS_PROXY')),
    noProxy: read('NO_PROXY'),
  };
}

/** The proxy variables that are set and cannot be used, each one sentence. */
export function proxyEnvironmentProblems(env: Environment): readonly string[] {
  const { httpProxy, httpsProxy } = readProxyEnvironment(env);
  return Object.entries({ HTTPS_PROXY: httpsProxy, HTTP_PROXY: httpProxy }).flatMap(([name, value]) => {
    const problem = value === '' ? undefined : proxyProblem(value);
    return problem === undefined ? [] : [`The environment's ${name} ${problem}.`];
  });
}

/** Why `proxy` cannot be used, to follow its name in a sentence; undefined when it can. Never repeats it: it may hold a password. */
export function proxyProblem(proxy: string): string | undefined {
  const url = URL.parse(proxy);
  const isUsable = url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '';
  return isUsable ? undefined : 'is not an http:// or https:// URL of a proxy such as "http://proxy.test:3128"';
}

function withScheme(proxy: string): string {
  return proxy === '' || proxy.includes('://') ? proxy : `http://${proxy}`;
}
