import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { auditEventNames, outcomes } from '../server/audit/events.ts';
import { errorCodes } from '../server/errors.ts';
import { auditMeanings } from './docs/audit-meanings.ts';
import { errorMeanings } from './docs/error-meanings.ts';
import { emptyDocument, table, withPart } from './docs/markdown.ts';
import { settingsTable } from './docs/settings-table.ts';

/** Fails when a generated part of `docs/` is not what the sources say; `--write` renews it. The prose around is by hand. */
const directory = resolve(import.meta.dirname, '../docs');

interface Part {
  readonly file: string;
  readonly part: string;
  readonly introduction: string;
  readonly content: () => string;
}

const parts: readonly Part[] = [
  {
    file: 'settings.md',
    part: 'settings',
    introduction:
      '# Settings\n\nEvery setting of the file given with `--settings` (YAML). An unknown key is an error and all problems are reported at\nonce. Durations are written `"90s"`, `"5m"`, `"24h"`; sizes `"500 MB"`, `"5 GiB"`. `name[].key` is a key of each entry of a\nlist.',
    content: settingsTable,
  },
  {
    file: 'errors.md',
    part: 'error codes',
    introduction:
      "# Error codes\n\nCodes are API: never renamed, never reused. They appear in the admin API's answers (`code`), in the audit log and, where the\ndistribution specification has the same word, in `/v2` answers.",
    content: () =>
      table(
        ['Code', 'It says', 'What to do'],
        errorCodes.map((code) => [`\`${code}\``, errorMeanings[code].says, errorMeanings[code].todo]),
      ),
  },
  {
    file: 'audit-events.md',
    part: 'audit events',
    introduction: '# Audit events\n\nOne JSON line per event. Event names are API: never renamed, never reused.',
    content: () =>
      `${table(
        ['Event', 'It records'],
        auditEventNames.map((name) => [`\`${name}\``, auditMeanings[name]]),
      )}\n\nOutcomes: ${outcomes.map((outcome) => `\`${outcome}\``).join(', ')}.`,
  },
];

/** Renews one document when asked to; true when it was up to date. */
function check({ file, part, introduction, content }: Part, isWriting: boolean): boolean {
  const path = join(directory, file);
  const held = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  const wanted = withPart(held ?? emptyDocument(introduction, part), part, content());
  if (held === wanted) return true;
  if (isWriting) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, wanted);
  }
  return false;
}

const isWriting = process.argv.includes('--write');
const stale = parts.filter((part) => !check(part, isWriting)).map(({ file }) => `docs/${file}`);
if (stale.length > 0) {
  console.log(
    isWriting ? `renewed ${stale.join(', ')}` : `stale: ${stale.join(', ')}; "npm run check -- --write" renews them`,
  );
  if (!isWriting) process.exitCode = 1;
}
