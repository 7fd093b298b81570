import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../../server/policy/parse-policy.ts';

describe('a policy document', () => {
  it.each([
    ['', []],
    ['version: 1', []],
    ['version: 2', ['policy.yaml:1:10: version must be 1, not the number 2.']],
    ['publisher: {}', ['policy.yaml:1:1: publisher is not a setting; did you mean publishers?']],
    ['publishers:\n  allow: [a]', ['policy.yaml:2:3: publishers.allow is not a setting; did you mean allowed?']],
    ['publishers: [a]', ['policy.yaml:1:13: publishers must be a mapping ("name: value" lines), not a list.']],
    ['rules: [{ name: No }]', [/rules\[0\]\.name "No" is not a name/]],
    [
      'rules: [{ name: a, then: deny }, { name: a, then: deny }]',
      ['policy.yaml:1:42: rules[1].name "a" is taken by rules[0].'],
    ],
    ['rules: [{ name: a, require: { age: soon } }]', [/"soon" is not a duration/]],
    [
      'sync: [{ reference: "oci://ghcr.io/a/b:v1" }]',
      [/sync\[0\]\.ref is missing/, /sync\[0\]\.reference is not a setting/],
    ],
    ['publishers: {\n', [/^policy\.yaml:2:1: /]],
  ])('%j has the problems %j', (text, problems) => {
    const parsed = parsePolicy('policy.yaml', text);

    expect(parsed.problems).toHaveLength(problems.length);
    for (const [index, problem] of problems.entries())
      expect(parsed.problems[index]).toEqual(typeof problem === 'string' ? problem : expect.stringMatching(problem));
    expect(parsed.document === undefined).toBe(problems.length > 0);
  });

  it.each([
    ['publishers: { allowed: [] }', /publishers\.allowed is empty, so it allows everything/],
    ['publishers: { allowed: [a], blocked: [A] }', /"a" can never match: publishers\.blocked comes first/],
    ['artifacts: { blocked: ["acme/zhi-old"] }', /names no registry.*"\*\/acme\/zhi-old"/],
    ['artifacts: { blocked: ["ghcr.io/Acme/app"] }', /can never match: repository names have no capital letters/],
    ['artifacts: { blocked: [":v1"] }', /can never match: it names no repository/],
    ['blockedArtifacts: ["acme/zhi:v1"]', /can never match: .* without tag or digest/],
    ['blockedArtifacts: ["ghcr.io/acme/zhi"]', /can never match: .* after the registry/],
    ['blockedArtifacts: ["*/zhi-*"]', /can never match: .* parts of names, not patterns/],
    ['rules: [{ name: a }]', /"a" can never decide/],
    ['sync: [{ ref: "oci://ghcr.io/a/b:v1", schedule: "0 2 * * *" }]', /sync is not done from a policy/],
    ['retention: { unusedDays: 30, maxStorage: 100GB }', /retention is not applied/],
    [
      'rules: [{ name: all, then: deny }, { name: b, then: deny, artifacts: ["x.io/**"] }]',
      /"b" can never match: "all" before it/,
    ],
  ])('%j is accepted with the warning %s', (text, warning) => {
    const parsed = parsePolicy('policy.yaml', text);

    expect(parsed.problems).toEqual([]);
    expect(parsed.warnings).toEqual([expect.stringMatching(warning)]);
    expect(parsed.warnings[0]).toMatch(/^policy\.yaml:\d+:\d+: /);
  });

  it("the seed's own has neither problems nor warnings", () => {
    const parsed = parsePolicy(
      'mirror-policy.yaml',
      'publishers:\n  allowed: [zhi-project, company-internal]\n  blocked: [untrusted-publisher]\nartifacts:\n  blocked: ["*/zhi-*-deprecated:*"]\nplugins:\n  requireVerified: true\n',
    );

    expect({
      problems: parsed.problems,
      warnings: parsed.warnings,
      rules: parsed.rules.map((rule) => rule.name),
    }).toEqual({
      problems: [],
      warnings: [],
      rules: ['publishers.blocked', 'publishers.allowed', 'artifacts.blocked', 'plugins.requireVerified'],
    });
  });
});
