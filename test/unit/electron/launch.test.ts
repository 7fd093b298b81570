import { describe, expect, it } from 'vitest';
import { linkPage, ownArguments, parseLaunch } from '../../../electron/launch.ts';

describe('the arguments', () => {
  it("are the mirror's, in their order, without Chromium's own", () => {
    const args = [
      '--no-sandbox',
      '--listen',
      ':6000',
      '--remote-debugging-port=0',
      '--data-dir=/srv/mirror',
      '--inspect=0',
      '--user-data-dir=/tmp/profile',
      '--enable-features=UseOzonePlatform',
      '--disable-gpu',
      '--settings',
      'mirror.yaml',
      '-psn_0_12345',
    ];
    expect(parseLaunch(args)).toEqual({
      mirrorArguments: ['--listen', ':6000', '--data-dir=/srv/mirror', '--settings', 'mirror.yaml'],
      isHidden: false,
      link: undefined,
    });
  });

  it("leave wrong ones of the mirror's to the mirror, which names them", () => {
    expect(parseLaunch(['--lisen', ':6000', '--userdata', '--very']).mirrorArguments).toEqual([
      '--lisen',
      ':6000',
      '--userdata',
      '--very',
    ]);
  });

  it('may ask for a start in the tray and carry a link', () => {
    expect(parseLaunch(['--hidden', 'zhi-mirror://audit'])).toEqual({
      mirrorArguments: [],
      isHidden: true,
      link: 'zhi-mirror://audit',
    });
  });

  it('begin after the app in a checkout and after the program in a package', () => {
    expect(ownArguments(['electron', '/src', '--hidden'], false)).toEqual(['--hidden']);
    expect(ownArguments(['electron', '--no-sandbox', '.', '--hidden'], false)).toEqual(['--hidden']);
    expect(ownArguments(['Zhi Mirror', '--hidden'], true)).toEqual(['--hidden']);
  });
});

describe('a link', () => {
  it.each([
    ['zhi-mirror://audit', '/audit'],
    ['zhi-mirror://upstreams/', '/upstreams'],
    ['zhi-mirror://repo/ghcr.io/org/app', '/cache?repository=ghcr.io%2Forg%2Fapp'],
    ['zhi-mirror://repo/ghcr.io/org/a%26b%23c', '/cache?repository=ghcr.io%2Forg%2Fa%26b%23c'],
    ['zhi-mirror://repo/x%', '/cache?repository=x%25'],
    ['zhi-mirror://repo', '/'],
    ['zhi-mirror://delete/everything', '/'],
    ['zhi-mirror://', '/'],
    ['https://evil.test/', '/'],
    ['nonsense', '/'],
  ])('%s opens %s and does nothing else', (link, page) => {
    expect(linkPage(link)).toBe(page);
  });
});
