import { describe, expect, it } from 'vitest';
import { formatPath, parseSettingsFile } from '../../../../server/config/settings-file.ts';

const lines = (...text: string[]): string => `${text.join('\n')}\n`;

describe('parseSettingsFile', () => {
  it('says where a setting, its name, and the setting it is missing in stand', () => {
    const file = parseSettingsFile(
      'a.yaml',
      lines('tls:', '  cert: x.pem', 'upstreams:', '  - name: up.test', '    ttl: 5m'),
    );
    expect(file.problems).toEqual([]);
    expect(file.where(['tls', 'cert'])).toBe('a.yaml:2:9');
    expect(file.where(['tls', 'cert'], 'key')).toBe('a.yaml:2:3');
    expect(file.where(['tls', 'key'])).toBe('a.yaml:1:1');
    expect(file.where(['upstreams', 0, 'ttl'])).toBe('a.yaml:5:10');
    expect(file.where(['upstreams', 0, 'urls', 3])).toBe('a.yaml:4:5');
    expect(file.where(['listen'])).toBe('a.yaml:1:1');
    expect([file.has(['tls']), file.has(['tls', 'cert']), file.has(['listen'])]).toEqual([true, true, false]);
  });

  it('reads JSON, an empty file and a file of comments', () => {
    expect(parseSettingsFile('a', '{"listen": ":1"}').content).toEqual({ listen: ':1' });
    expect(parseSettingsFile('a', '')).toMatchObject({ content: {}, problems: [], isReadable: true });
    expect(parseSettingsFile('a', '# nothing\n')).toMatchObject({ content: {}, problems: [], isReadable: true });
  });

  it('names every duplicate key with its place and still reads the rest', () => {
    const file = parseSettingsFile('a.yaml', lines('listen: ":1"', 'tls: { cert: a, cert: b }', 'listen: ":2"'));
    expect(file.problems).toEqual([
      'a.yaml:2:17: tls.cert is given twice; keep one.',
      'a.yaml:3:1: listen is given twice; keep one.',
    ]);
    expect(file.isReadable).toBe(true);
  });

  it.each([
    ['a list', '- a\n'],
    ['a text', 'hello\n'],
    ['a broken line', 'listen: [1\n'],
    ['a tab', 'tls:\n\tcert: x\n'],
    ['two documents', 'listen: ":1"\n---\nlisten: ":2"\n'],
    ['an unknown reference', 'listen: *nothing\n'],
    ['an unknown tag', 'listen: !env HOME\n'],
    [
      'a file that grows without bound',
      lines(
        'a: &a [x,x,x,x,x,x,x,x,x,x,x,x]',
        'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]',
        'c: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]',
      ),
    ],
  ])('refuses %s with file and line', (_, text) => {
    const { problems } = parseSettingsFile('a.yaml', text);
    expect(problems).not.toEqual([]);
    for (const problem of problems) expect(problem).toMatch(/^a\.yaml:\d+:\d+: .+\.$/);
  });

  it('never repeats what the file holds when the syntax is broken', () => {
    const { problems } = parseSettingsFile(
      'a.yaml',
      lines('upstreams:', '  - accounts: [{ password: "hunter2" hunter3 }]', ' hunter4', 'x: "hunter5'),
    );
    expect(problems).not.toEqual([]);
    expect(problems.join()).not.toContain('hunter');
  });
});

it('writes paths as people read them', () => {
  expect(formatPath(['upstreams', 0, 'tags', 12, 'ttl'])).toBe('upstreams[0].tags[12].ttl');
  expect(formatPath(['listen'])).toBe('listen');
});
