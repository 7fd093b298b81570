import { describe, expect, it } from 'vitest';
import { importRules, meetInCoreOnly, meetingPlaces, owners } from './import-rules.ts';
import type { ImportRule } from './import-rules.ts';
import { readSource, sourceFiles } from './source-imports.ts';
import type { SourceFile } from './source-imports.ts';

const files = sourceFiles();
const toolFiles = ['vitest.config.ts', 'build/vite.config.ts'];
const isUnder = (path: string, place: string): boolean =>
  path === place || (place.endsWith('/') && path.startsWith(place));
const ruleOf = (path: string): ImportRule | undefined => importRules.find((rule) => isUnder(path, rule.path));
const isTest = ({ path }: SourceFile): boolean => path.startsWith('test/');

/** What lies under the rule's own path is always open. */
function isAllowed(rule: ImportRule, target: string, typeOnly: boolean): boolean {
  if (isUnder(target, rule.path)) return true;
  const allowed = typeOnly ? [...rule.may, ...(rule.mayTypes ?? [])] : rule.may;
  return allowed.some((place) => isUnder(target, place));
}

function forbiddenImports(file: SourceFile): string[] {
  const rule = ruleOf(file.path);
  if (rule === undefined) return [`${file.path} matches no row of import-rules.ts: say what it may import`];
  return file.imports
    .filter(
      ({ isPackage, target, typeOnly }) => !isPackage && /\.tsx?$/.test(target) && !isAllowed(rule, target, typeOnly),
    )
    .map(({ target, typeOnly }) => {
      const allowed = [rule.path, ...rule.may, ...(rule.mayTypes ?? []).map((place) => `${place} (types)`)].join(', ');
      return `${file.path} imports ${typeOnly ? 'types of ' : ''}${target}; allowed: ${allowed}`;
    });
}

function strangerUses(file: SourceFile): string[] {
  if (isTest(file)) return [];
  const runtimePackages = file.imports
    .filter(({ isPackage, typeOnly }) => isPackage && !typeOnly)
    .map(({ target }) => target);
  const used = new Set([...file.accesses, ...runtimePackages]);
  return owners
    .filter(({ what, only }) => used.has(what) && !only.some((place) => isUnder(file.path, place)))
    .map(({ what, only }) => `${file.path} uses ${what}; allowed: ${only.join(', ')}`);
}

/** Edges may talk to one of the parts, never bring two together: that is the core's work. */
function meetings(file: SourceFile): string[] {
  if (!file.path.startsWith('server/') || meetingPlaces.some((place) => isUnder(file.path, place))) return [];
  const runtime = file.imports.filter(({ isPackage, typeOnly }) => !isPackage && !typeOnly);
  const met = meetInCoreOnly.filter(
    (part) => !isUnder(file.path, part) && runtime.some(({ target }) => isUnder(target, part)),
  );
  return met.length > 1
    ? [`${file.path} brings together ${met.join(' and ')}; allowed: ${meetingPlaces.join(', ')}`]
    : [];
}

describe('imports', () => {
  it('go down only, as the table says, types too', () => {
    expect(files.flatMap(forbiddenImports)).toEqual([]);
  });

  it("of packages and values with one owner are the owner's alone", () => {
    expect(files.flatMap(strangerUses)).toEqual([]);
  });

  it('bring upstream, policy, trust and storage together in the core only', () => {
    expect(files.flatMap(meetings)).toEqual([]);
  });

  it('are by name: no default exports, no barrels', () => {
    const sources = files.filter(({ path }) => !toolFiles.includes(path) && !path.endsWith('playwright.config.ts'));
    expect(
      sources.filter(({ hasDefaultExport, isBarrel }) => hasDefaultExport || isBarrel).map(({ path }) => path),
    ).toEqual([]);
  });
});

describe('the rule itself', () => {
  const forbidden = (path: string, text: string): string[] => {
    const file = readSource(path, text);
    return [...forbiddenImports(file), ...strangerUses(file), ...meetings(file)];
  };

  it('refuses an import upwards, with the file, the import and the allowed list', () => {
    expect(forbidden('server/storage/layout.ts', "import { admit } from '../cache/admit.ts';")).toEqual([
      'server/storage/layout.ts imports server/cache/admit.ts; allowed: server/storage/, server/oci/, server/lib/, server/errors.ts, server/db/, server/config/',
    ]);
  });

  it('refuses types where only the file below is open, and a value where only types are', () => {
    expect(forbidden('server/oci/digest.ts', "import type { Settings } from '../config/schema.ts';")).toHaveLength(1);
    expect(forbidden('renderer/desktop.ts', "import { channel } from '../electron/desktop-api.ts';")).toHaveLength(1);
    expect(forbidden('renderer/desktop.ts', "import type { DesktopApi } from '../electron/desktop-api.ts';")).toEqual(
      [],
    );
    expect(forbidden('renderer/desktop.ts', "import { type DesktopApi } from '../electron/desktop-api.ts';")).toEqual(
      [],
    );
  });

  it('sees dynamic imports, re-exports and import types', () => {
    expect(forbidden('server/lib/files.ts', "await import('../app.ts');")).toHaveLength(1);
    expect(forbidden('server/lib/files.ts', "export { createMirror } from '../app.ts';")).toHaveLength(1);
    expect(forbidden('server/lib/files.ts', "let mirror: import('../app.types.ts').Mirror;")).toHaveLength(1);
  });

  it('refuses a file that matches no row', () => {
    expect(forbidden('server/utilities/things.ts', '')).toEqual([
      'server/utilities/things.ts matches no row of import-rules.ts: say what it may import',
    ]);
  });

  it('refuses an owned package, an owned value and a meeting outside the core', () => {
    expect(forbidden('server/cache/admit.ts', "import Sqlite from 'better-sqlite3';")).toHaveLength(1);
    expect(forbidden('server/cache/admit.ts', 'const now = Date.now();')).toHaveLength(1);
    const meeting = "import { a } from '../upstream/client.ts'; import { b } from '../storage/tag-store.ts';";
    expect(forbidden('server/registry/blobs.ts', meeting)).toHaveLength(1);
    expect(forbidden('server/cache/blob-cache.ts', meeting)).toEqual([]);
  });
});
