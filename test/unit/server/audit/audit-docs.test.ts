import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { LineEncoder } from '../../../../server/audit/audit-line.ts';
import { chainLines, chainStart } from '../../../../server/audit/chain.ts';
import { pull } from './audit-events.ts';

it('documents every field of a line, in its order', () => {
  const document = readFileSync(resolve(import.meta.dirname, '../../../../docs/audit-events.md'), 'utf8');
  const documented = [...document.matchAll(/^\| `(\w+)` \| (?:text|number|boolean) \|/gm)].map(([, name]) => name);
  const line = Buffer.from(new LineEncoder().encode(pull({ code: 'DENIED', detail: 'because' })));
  const chained = chainLines(line, chainStart).bytes.toString();
  expect(documented).toEqual(Object.keys(JSON.parse(chained) as object));
});
