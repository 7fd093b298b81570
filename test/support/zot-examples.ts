import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The examples of zot's documentation, byte for byte as they are printed there. */
export const zotExamples = [
  'migration',
  'basic',
  'polled',
  'on-demand',
  'mixed',
  'subpaths',
  'readme-sync',
  'readme-on-demand',
  'readme-subpaths',
] as const;

export type ZotExample = (typeof zotExamples)[number] | 'credentials' | 'readme-credentials';

/** The text of an example. */
export function zotExample(name: ZotExample): string {
  return readFileSync(join(import.meta.dirname, 'zot-examples', `${name}.txt`), 'utf8');
}
