import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../../server/errors.ts';
import { PolicyStore } from '../../../../server/policy/policy-store.ts';
import type { PolicyChange } from '../../../../server/policy/policy-store.ts';
import { tempDirectory } from '../../../support/cleanup.ts';

const blocked = 'publishers: { blocked: [evil] }\n';
const more = 'publishers: { blocked: [evil, worse] }\n';

function open(file: string, values = new Map<string, string>()) {
  const changes: PolicyChange[] = [];
  const stored = {
    get: (name: string) => values.get(name),
    set: (name: string, value: string) => void values.set(name, value),
  };
  const store = new PolicyStore({ file, stored, onChange: (change) => void changes.push(change) });
  return { store, changes, values };
}

function mayPull(store: PolicyStore, repository: string): boolean {
  const subject = {
    action: 'pull',
    repository,
    upstream: 'x.io',
    tag: 'v1',
    digest: undefined,
    knownTags: [],
    user: undefined,
  } as const;
  return store.decide(subject, { now: 0 }).effect === 'allow';
}

describe('the policy store', () => {
  it('allows all without a policy', () => {
    const { store } = open('');

    expect({ isEmpty: store.isEmpty, version: store.version, evil: mayPull(store, 'x.io/evil/app') }).toEqual({
      isEmpty: true,
      version: 'none',
      evil: true,
    });
  });

  it('refuses to begin with a file that is missing or wrong', async () => {
    const directory = await tempDirectory();
    writeFileSync(join(directory, 'wrong.yaml'), 'publisher: {}\n');

    expect(() => open(join(directory, 'missing.yaml'))).toThrow(ConfigError);
    expect(() => open(join(directory, 'wrong.yaml'))).toThrow(ConfigError);
  });

  it('takes an edit of the file at the next reload, once', async () => {
    const file = join(await tempDirectory(), 'policy.yaml');
    writeFileSync(file, blocked);
    const { store, changes } = open(file);
    writeFileSync(file, more);

    store.reload();
    store.reload();

    expect(mayPull(store, 'x.io/worse/app')).toBe(false);
    expect(changes).toEqual([{ kind: 'loaded', version: store.version, warnings: [] }]);
  });

  it.each([
    [
      'broken',
      (file: string) => {
        writeFileSync(file, 'publishers: {');
      },
    ],
    [
      'removed',
      (file: string) => {
        rmSync(file);
      },
    ],
  ] as const)(
    'keeps the old policy when the file is %s, says so once, and takes it back when it is right again',
    async (_, spoil) => {
      const file = join(await tempDirectory(), 'policy.yaml');
      writeFileSync(file, blocked);
      const { store, changes } = open(file);

      spoil(file);
      store.reload();
      store.reload();
      const whileBroken = { evil: mayPull(store, 'x.io/evil/app'), problems: store.view().problems.length };
      writeFileSync(file, blocked);
      store.reload();

      expect(whileBroken).toEqual({ evil: false, problems: 1 });
      expect(store.view().problems).toEqual([]);
      expect(changes.map((change) => change.kind)).toEqual(['refused', 'mended']);
    },
  );

  it('keeps what the window wrote, with its comments, over a restart', () => {
    const { store, values } = open('');
    store.replace(`# ours\n${blocked}`);

    const again = open('', values).store;

    expect({ text: again.view().text, source: again.view().source, evil: mayPull(again, 'x.io/evil/app') }).toEqual({
      text: `# ours\n${blocked}`,
      source: 'window',
      evil: false,
    });
  });

  it('refuses a wrong edit of the window, and any while a file is used; nothing changes', async () => {
    const { store, values } = open('');
    store.replace(blocked);
    const file = join(await tempDirectory(), 'policy.yaml');
    writeFileSync(file, blocked);

    expect(() => {
      store.replace('publisher: {}');
    }).toThrow(ConfigError);
    expect(() => {
      open(file).store.replace(more);
    }).toThrow(ConfigError);
    expect({ text: store.view().text, stored: values.get('policy') }).toEqual({ text: blocked, stored: blocked });
  });

  it('holds on while an editor has emptied the file, and takes an empty one that stays', async () => {
    const file = join(await tempDirectory(), 'policy.yaml');
    writeFileSync(file, blocked);
    const { store } = open(file);
    writeFileSync(file, '');

    store.reload();
    const atOnce = mayPull(store, 'x.io/evil/app');
    store.reload();

    expect({ atOnce, later: mayPull(store, 'x.io/evil/app') }).toEqual({ atOnce: false, later: true });
  });
});
