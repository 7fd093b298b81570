import { isAbsolute } from 'node:path';
import { nearest } from '../lib/nearest.ts';
import { unreadableReason } from '../lib/text-file.ts';
import type { PolicyDocument } from './schema.ts';
import { detailOf } from './signature-rule.ts';

/** What a text of the trust section is to be. */
export type TrustTextKind = 'key' | 'trusted root' | 'trust store';

/** Reads and checks what a policy names. */
export interface TrustReader {
  /** Whether a path may be relative: to the policy’s own folder, when it is a file. */
  readonly mayBeRelative: boolean;
  /** Text of a file; a relative path is as the policy means it. @throws Error as the system gives it */
  read(path: string): string;
  /** Why a text is not what it should be, to follow its name in a sentence. */
  problem(kind: TrustTextKind, text: string): string | undefined;
}

/** What the policy trusts, read and checked. */
export interface PolicyTrust {
  /** Those of the trust section, and those a rule names by their file. */
  readonly keys: readonly { readonly name: string; readonly pem: string }[];
  readonly trustedRoot: string | undefined;
  readonly stores: readonly {
    readonly name: string;
    readonly pem: string;
    readonly level: 'strict' | 'permissive';
    readonly subjects: readonly string[];
  }[];
  /** Whether any of it stands in a file of its own, which may change without the policy. */
  readonly hasFiles: boolean;
}

/** A problem of the trust section, or of a rule that names something of it; `message` follows the key's name in a sentence. */
export interface TrustProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Nothing. */
export const noPolicyTrust: PolicyTrust = { keys: [], trustedRoot: undefined, stores: [], hasFiles: false };

/** Reads all that a document trusts. Without a reader only names are checked, and nothing is trusted. Never throws. */
export function readTrust(
  document: PolicyDocument,
  reader: TrustReader | undefined,
): { readonly trust: PolicyTrust; readonly problems: readonly TrustProblem[] } {
  const problems: TrustProblem[] = [...wrongNames(document)];
  if (reader === undefined || problems.length > 0) return { trust: noPolicyTrust, problems };
  let hasFiles = false;
  const text = (kind: TrustTextKind, path: readonly (string | number)[], source: Source): string => {
    if (source.file !== undefined) hasFiles = true;
    const found = readText(kind, source, reader);
    if ('problem' in found) problems.push({ path, message: found.problem });
    return 'text' in found ? found.text : '';
  };
  const { keys = {}, notation = {}, trustedRoot } = document.trust ?? {};
  const trust = {
    keys: [
      ...Object.entries(keys).map(([name, source]) => ({ name, pem: text('key', ['trust', 'keys', name], source) })),
      ...filesOfRules(document).map(({ file, path }) => ({ name: file, pem: text('key', path, { file }) })),
    ],
    trustedRoot:
      trustedRoot === undefined
        ? undefined
        : text('trusted root', ['trust', 'trustedRoot'], { pem: trustedRoot.json, file: trustedRoot.file }),
    stores: Object.entries(notation).map(([name, source]) => ({
      name,
      level: source.level,
      subjects: source.subjects,
      pem: text('trust store', ['trust', 'notation', name], source),
    })),
  };
  return { trust: { ...trust, hasFiles }, problems };
}

/** Whether a rule's key is a file rather than a name. PURE. */
export function isKeyFile(key: string): boolean {
  return isAbsolute(key) || key.includes('/') || /\.(?:pub|pem)$/.test(key);
}

interface Source {
  readonly pem?: string | undefined;
  readonly file?: string | undefined;
}

function readText(
  kind: TrustTextKind,
  { pem, file }: Source,
  reader: TrustReader,
): { readonly text: string } | { readonly problem: string } {
  if (file !== undefined && !reader.mayBeRelative && !isAbsolute(file))
    return { problem: `${file} must be a whole path, since this policy is not a file itself` };
  let text = pem ?? '';
  try {
    if (file !== undefined) text = reader.read(file);
  } catch (error) {
    return { problem: `${file ?? ''} ${unreadableReason(error)}` };
  }
  const problem = reader.problem(kind, text);
  if (problem === undefined) return { text };
  return { problem: file === undefined ? problem : `${file} ${problem}` };
}

function filesOfRules({
  rules,
  trust,
}: PolicyDocument): { readonly file: string; readonly path: readonly (string | number)[] }[] {
  const found = new Map<string, readonly (string | number)[]>();
  for (const [index, { require }] of rules.entries()) {
    for (const [position, key] of (detailOf(require?.signature)?.keys ?? []).entries()) {
      if (trust?.keys[key] === undefined && !found.has(key))
        found.set(key, ['rules', index, 'require', 'signature', 'keys', position]);
    }
  }
  return [...found].map(([file, path]) => ({ file, path }));
}

function wrongNames({ rules, trust }: PolicyDocument): TrustProblem[] {
  const keys = Object.keys(trust?.keys ?? {});
  const stores = Object.keys(trust?.notation ?? {});
  return rules.flatMap(({ require }, index) => {
    const wanted = detailOf(require?.signature);
    const base = ['rules', index, 'require', 'signature'];
    return [
      ...(wanted?.keys ?? []).flatMap((name, position) =>
        keys.includes(name) || isKeyFile(name)
          ? []
          : [{ path: [...base, 'keys', position], message: unknown(name, keys, 'trust.keys') }],
      ),
      ...(wanted?.notation ?? []).flatMap((name, position) =>
        stores.includes(name)
          ? []
          : [{ path: [...base, 'notation', position], message: unknown(name, stores, 'trust.notation') }],
      ),
      ...(wanted !== undefined && wanted.identities.length > 0 && trust?.trustedRoot === undefined
        ? [{ path: [...base, 'identities'], message: 'can’t be checked without trust.trustedRoot' }]
        : []),
    ];
  });
}

function unknown(name: string, known: readonly string[], where: string): string {
  const guess = nearest(name, known);
  const advice =
    guess === undefined
      ? known.length === 0
        ? 'there is none'
        : `known are ${known.join(', ')}`
      : `did you mean ${guess}?`;
  return `"${name}" is not in ${where}; ${advice}`;
}
