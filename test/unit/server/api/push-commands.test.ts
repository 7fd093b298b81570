import { expect, it } from 'vitest';
import { pushCommands } from '../../../../server/api/push-commands.ts';

const addresses = ['mirror.test:5050'];

it('writes a command for each tool with the address and the name filled in', () => {
  const commands = pushCommands('team/app', { addresses, tls: false });
  expect(Object.fromEntries(commands.map(({ tool, command }) => [tool, command]))).toEqual({
    Docker: 'docker tag app:latest mirror.test:5050/team/app:latest && docker push mirror.test:5050/team/app:latest',
    Podman: 'podman push --tls-verify=false app:latest mirror.test:5050/team/app:latest',
    skopeo: 'skopeo copy --all --dest-tls-verify=false oci:app:latest docker://mirror.test:5050/team/app:latest',
    crane: 'crane push --insecure app.tar mirror.test:5050/team/app:latest',
    Helm: 'helm push --plain-http app-0.1.0.tgz oci://mirror.test:5050/team',
    buildah:
      'buildah build --layers --tls-verify=false --cache-from mirror.test:5050/team/app --cache-to mirror.test:5050/team/app .',
  });
});

it('leaves out what plain HTTP needs when clients reach the mirror over TLS, and the parent of a name without one', () => {
  const commands = pushCommands('app', { addresses, tls: true }).map(({ command }) => command);
  expect(commands.filter((command) => /tls-verify|insecure|plain-http/.test(command))).toEqual([]);
  expect(commands).toContain('helm push app-0.1.0.tgz oci://mirror.test:5050');
});

it('writes none while the mirror has no address', () => {
  expect(pushCommands('team/app', { addresses: [], tls: false })).toEqual([]);
});
