import { describe, expect, it } from 'vitest';
import { emptyDocument, withPart } from '../../../build/docs/markdown.ts';
import { settingsTable } from '../../../build/docs/settings-table.ts';

describe('generated parts of documents', () => {
  it('replace what stands between the markers and leave the prose', () => {
    const first = withPart(`${emptyDocument('# Things', 'list')}\nBy hand.\n`, 'list', 'old');
    const second = withPart(first, 'list', 'new');
    expect(second).toBe(first.replace('old', 'new'));
    expect(second).toContain('# Things');
    expect(second).toContain('By hand.');
  });

  it('are refused in a document that lost its markers', () => {
    expect(() => withPart('# Things', 'list', 'new')).toThrow();
  });

  it('list every setting with its type, unit and default', () => {
    const rows = settingsTable().split('\n');
    expect(rows.find((row) => row.startsWith('| `upstreams[].ttl`'))).toContain('| duration | `5m` |');
    expect(rows.find((row) => row.startsWith('| `freeSpaceFloor`'))).toContain('| size | `512 MiB` |');
    expect(rows.find((row) => row.startsWith('| `upstreams[].name`'))).toContain('| string | required |');
  });
});
