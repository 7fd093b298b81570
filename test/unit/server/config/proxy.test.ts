import { expect, it } from 'vitest';
import { proxyEnvironmentProblems, proxyProblem, readProxyEnvironment } from '../../../../server/config/proxy.ts';

it('reads the proxy variables in upper and lower case, upper first', () => {
  const env = {
    HTTPS_PROXY: 'http://one.test:3128',
    https_proxy: 'http://two.test',
    http_proxy: 'three.test:8080',
    no_proxy: 'a.test,10.0.0.0/8',
  };
  expect(readProxyEnvironment(env)).toEqual({
    httpsProxy: 'http://one.test:3128',
    httpProxy: 'http://three.test:8080',
    noProxy: 'a.test,10.0.0.0/8',
  });
  expect(readProxyEnvironment({})).toEqual({ httpsProxy: '', httpProxy: '', noProxy: '' });
});

it('names a proxy variable that cannot be used, without its password', () => {
  const problems = proxyEnvironmentProblems({
    HTTPS_PROXY: 'socks5://u:hunter2@p.test',
    HTTP_PROXY: 'http://fine.test',
  });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain('HTTPS_PROXY');
  expect(problems[0]).not.toContain('hunter2');
});

it('takes http and https proxies only', () => {
  expect(proxyProblem('http://p.test:3128')).toBeUndefined();
  expect(proxyProblem('https://u:p@p.test')).toBeUndefined();
  expect(proxyProblem('p.test:3128')).toBeDefined();
  expect(proxyProblem('nonsense')).toBeDefined();
});
