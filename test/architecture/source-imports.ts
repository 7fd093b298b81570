import { readFileSync, readdirSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import ts from 'typescript';

const root = resolve(import.meta.dirname, '../..');

/** One import of a source file: of a path in the repository, or of a package. */
export interface SourceImport {
  readonly target: string;
  readonly isPackage: boolean;
  readonly typeOnly: boolean;
}

/** What the rules look at in one file. Paths are relative to the repository, with `/`. */
export interface SourceFile {
  readonly path: string;
  readonly imports: readonly SourceImport[];
  /** `object.property` accesses on plain names, e.g. `process.env`. */
  readonly accesses: ReadonlySet<string>;
  readonly hasDefaultExport: boolean;
  /** True when it has exports, and nothing but exports of other files. */
  readonly isBarrel: boolean;
}

/** Every TypeScript source of the repository. */
export function sourceFiles(): SourceFile[] {
  const folders = ['server', 'electron', 'renderer', 'build', 'test'];
  const inFolders = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name.replaceAll('\\', '/')}`,
    ),
  );
  const atTop = readdirSync(root).filter((name) => name.endsWith('.ts'));
  return [...inFolders, ...atTop]
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
    .map((path) => readSource(path, readFileSync(join(root, path), 'utf8')));
}

/** The same for one text. */
export function readSource(path: string, text: string): SourceFile {
  const file = ts.createSourceFile(
    path,
    text,
    ts.ScriptTarget.Latest,
    true,
    path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
  );
  const imports: SourceImport[] = [];
  const accesses = new Set<string>();
  const visit = (node: ts.Node): void => {
    const found = importOf(node);
    if (found !== undefined) imports.push({ ...locate(path, found.specifier), typeOnly: found.typeOnly });
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression))
      accesses.add(`${node.expression.text}.${node.name.text}`);
    ts.forEachChild(node, visit);
  };
  visit(file);
  const isReExport = (node: ts.Statement): boolean =>
    ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined;
  return {
    path,
    imports,
    accesses,
    hasDefaultExport: file.statements.some(isDefaultExport),
    isBarrel: file.statements.length > 0 && file.statements.every(isReExport),
  };
}

function importOf(node: ts.Node): { specifier: string; typeOnly: boolean } | undefined {
  if (ts.isImportDeclaration(node))
    return { specifier: textOf(node.moduleSpecifier), typeOnly: isTypeOnlyImport(node.importClause) };
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined)
    return { specifier: textOf(node.moduleSpecifier), typeOnly: node.isTypeOnly };
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return { specifier: textOf(node.argument.literal), typeOnly: true };
  if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) return undefined;
  const [argument] = node.arguments;
  return argument === undefined ? undefined : { specifier: textOf(argument), typeOnly: false };
}

/** `import type`, or braces with nothing but types in them. */
function isTypeOnlyImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { name, namedBindings } = clause;
  if (name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.length > 0 && namedBindings.elements.every((element) => element.isTypeOnly);
}

function isDefaultExport(node: ts.Statement): boolean {
  if (ts.isExportAssignment(node)) return true;
  return (
    ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) === true
  );
}

function textOf(node: ts.Node): string {
  return ts.isStringLiteralLike(node) ? node.text : node.getText();
}

function locate(from: string, specifier: string): { target: string; isPackage: boolean } {
  if (specifier.startsWith('.')) return { target: posix.join(posix.dirname(from), specifier), isPackage: false };
  return { target: specifier, isPackage: true };
}
