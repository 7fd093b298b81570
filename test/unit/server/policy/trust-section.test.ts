import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../../server/policy/parse-policy.ts';
import type { TrustReader } from '../../../../server/policy/trust-material.ts';

/** Files whose text says what is wrong with them; none for "good". */
function reader(files: Readonly<Record<string, string>>, mayBeRelative = true): TrustReader {
  return {
    mayBeRelative,
    read: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
      return text;
    },
    problem: (kind, text) => (text === 'good' ? undefined : `is no ${kind}`),
  };
}

function problemsOf(text: string, files?: Readonly<Record<string, string>>): readonly string[] {
  return parsePolicy('p.yaml', text, files === undefined ? undefined : reader(files)).problems;
}

describe('the trust section of a policy', () => {
  it('is read with every key, root and store, and the keys that rules name by their file', () => {
    const { trust, problems } = parsePolicy(
      'p.yaml',
      `trust:
  keys: { release: { pem: good }, ops: { file: ops.pub } }
  trustedRoot: { file: root.json }
  identities: [{ subject: "*@acme.test", issuer: "https://login.test" }]
  notation: { acme: { file: acme.crt, level: permissive, subjects: ["O=acme"] } }
rules:
  - name: one
    require: { signature: { keys: [release, /etc/keys/one.pub, other.pem], annotations: { env: prod } } }
`,
      reader({
        'ops.pub': 'good',
        'root.json': 'good',
        'acme.crt': 'good',
        '/etc/keys/one.pub': 'good',
        'other.pem': 'good',
      }),
    );

    expect({ trust, problems }).toEqual({
      problems: [],
      trust: {
        keys: ['release', 'ops', '/etc/keys/one.pub', 'other.pem'].map((name) => ({ name, pem: 'good' })),
        trustedRoot: 'good',
        stores: [{ name: 'acme', pem: 'good', level: 'permissive', subjects: ['O=acme'] }],
        hasFiles: true,
      },
    });
  });

  it.each([
    [
      'a key of another name',
      'trust: { keys: { release: { pem: good } } }\nrules:\n  - name: a\n    require: { signature: { keys: [relase] } }',
      'p.yaml:4:36: rules[0].require.signature.keys[0] "relase" is not in trust.keys; did you mean release?',
    ],
    [
      'a store where there is none',
      'rules:\n  - name: a\n    require: { signature: { notation: [acme] } }',
      'p.yaml:3:40: rules[0].require.signature.notation[0] "acme" is not in trust.notation; there is none.',
    ],
    [
      'a signer without a key, and no root',
      'rules:\n  - name: a\n    require: { signature: { identities: [{ subject: a, issuer: b }] } }',
      'p.yaml:3:41: rules[0].require.signature.identities can’t be checked without trust.trustedRoot.',
    ],
    [
      'a file that does not exist',
      'trust:\n  keys:\n    release: { file: gone.pub }',
      'p.yaml:3:14: trust.keys.release gone.pub does not exist.',
    ],
    [
      'a file that is no key',
      'trust:\n  keys:\n    release: { file: bad.pub }',
      'p.yaml:3:14: trust.keys.release bad.pub is no key.',
    ],
    [
      'a text that is no root',
      'trust: { trustedRoot: { json: bad } }',
      'p.yaml:1:23: trust.trustedRoot is no trusted root.',
    ],
    [
      'both a text and a file',
      'trust: { keys: { release: { pem: good, file: a } } }',
      'p.yaml:1:27: trust.keys.release must have exactly one of pem and file.',
    ],
    [
      'an unknown key inside of what a rule wants',
      'rules:\n  - name: a\n    require: { signature: { key: [release] } }',
      'p.yaml:3:29: rules[0].require.signature.key is not a setting; did you mean keys?',
    ],
    [
      'something else than a wish',
      'rules:\n  - name: a\n    require: { signature: often }',
      'p.yaml:3:27: rules[0].require.signature must be true or false or a mapping ("name: value" lines), not "often".',
    ],
  ])('is refused by its place: %s', (_, text, problem) => {
    expect(problemsOf(text, { 'bad.pub': 'bad' })).toEqual([problem]);
  });

  it('wants whole paths where the policy is no file itself', () => {
    const text = 'trust: { keys: { release: { file: a.pub } } }';

    expect(parsePolicy('policy', text, reader({ 'a.pub': 'good' }, false)).problems).toEqual([
      'policy:1:27: trust.keys.release a.pub must be a whole path, since this policy is not a file itself.',
    ]);
  });

  it('checks names, and trusts nobody, without a reader', () => {
    const { trust, problems } = parsePolicy('p.yaml', 'trust: { keys: { release: { file: gone.pub } } }');

    expect([trust.keys, problems]).toEqual([[], []]);
  });

  it.each([
    ['requireSignatures: true', 1],
    ['rules: [{ name: a, require: { signature: true } }]', 1],
    ['trust: { identities: [{ subject: a, issuer: b }] }', 1],
    ['requireSignatures: true\ntrust: { keys: { release: { pem: good } } }', 0],
  ])('warns where a signature can never be: %s', (text, warnings) => {
    expect(parsePolicy('p.yaml', text, reader({})).warnings).toHaveLength(warnings);
  });
});
