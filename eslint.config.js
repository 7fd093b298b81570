import { basename } from 'node:path';
import importX, { createNodeResolver } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** The early warning; the architecture test is the authority on who may import whom. Prettier decides on format. */

const fileName = {
  meta: { type: 'suggestion', schema: [] },
  create: (context) => ({
    Program(node) {
      const name = basename(context.filename);
      if (/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)*$/.test(name)) return;
      context.report({ node, message: `"${name}" is not kebab-case` });
    },
  }),
};

/** Packages with one owner: everybody else goes through it. */
const sqlite = { name: 'better-sqlite3', message: 'Only server/db/database.ts imports the driver.' };
const httpClient = { name: 'undici', message: 'Only server/upstream/transport.ts speaks HTTP to upstreams.' };
const desktop = { name: 'electron', message: 'Only electron/ imports Electron; the server runs under plain Node too.' };

/** Values with one owner, as syntax: they are globals, or come from node:process. */
const clock = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Time comes from lib/clock.ts.' },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Time comes from lib/clock.ts.' },
  {
    selector: "MemberExpression[object.name='performance'][property.name='now']",
    message: 'Time comes from lib/clock.ts.',
  },
];
const environment = [
  {
    selector: "MemberExpression[object.name='process'][property.name=/^(env|argv)$/]",
    message: 'Only config/load.ts and the entries read the environment and the arguments.',
  },
];

const owners = (files, packages, syntax) => ({
  files,
  rules: {
    'no-restricted-imports': packages.length > 0 ? ['error', { paths: packages }] : 'off',
    'no-restricted-syntax': syntax.length > 0 ? ['error', ...syntax] : 'off',
  },
});

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.cache/', 'coverage/', 'test-results/', 'playwright-report/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      // would ask for the `!` that the rule above forbids
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // an arrow that returns a void call is how handlers are written
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ['**/*.{ts,tsx,js,mjs}'],
    plugins: { 'import-x': importX, local: { rules: { 'file-name': fileName } } },
    settings: {
      'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.tsx', '.d.ts', '.js', '.mjs', '.json'] })],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.tsx'] },
      'import-x/extensions': ['.ts', '.tsx'],
    },
    rules: {
      complexity: ['error', 12],
      eqeqeq: ['error', 'always'],
      'no-console': 'error',
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 60 }],
      'import-x/no-default-export': 'error',
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/order': [
        'error',
        { groups: ['builtin', 'external', ['parent', 'sibling', 'index']], 'newlines-between': 'ignore' },
      ],
      'local/file-name': 'error',
    },
  },

  owners(['server/**/*.ts'], [sqlite, httpClient, desktop], [...clock, ...environment]),
  owners(['server/db/database.ts'], [httpClient, desktop], [...clock, ...environment]),
  owners(['server/upstream/transport.ts'], [sqlite, desktop], [...clock, ...environment]),
  owners(['server/lib/clock.ts'], [sqlite, httpClient, desktop], environment),
  owners(
    ['server/config/load.ts', 'server/cli/main.ts', 'server/app-from-flags.ts'],
    [sqlite, httpClient, desktop],
    clock,
  ),
  owners(['renderer/**/*.{ts,tsx}'], [sqlite, httpClient, desktop], []),
  owners(['electron/**/*.ts'], [sqlite, httpClient], [...clock, ...environment]),
  owners(['electron/main.ts'], [sqlite, httpClient], clock),

  // tables: long because there is much to list, not because they do much
  { files: ['server/api/contract.ts', 'server/db/migrations/*.ts', 'build/docs/*.ts'], rules: { 'max-lines': 'off' } },
  // a page is one function of markup
  { files: ['renderer/**/*.tsx'], rules: { 'max-lines-per-function': ['error', { max: 120 }] } },
  {
    files: ['test/**/*.{ts,tsx}'],
    rules: {
      // a suite is one function
      'max-lines-per-function': 'off',
      'max-lines': ['error', { max: 500 }],
      complexity: ['error', 16],
      // expect(() => store.add(1)).toThrow()
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  // programs: they talk to a terminal
  { files: ['build/**', 'test/bench/**', 'test/support/*-main.ts'], rules: { 'no-console': 'off' } },
  // files whose tool demands a default export
  {
    files: ['*.config.{ts,js}', 'build/vite.config.ts', '**/playwright.config.ts'],
    rules: { 'import-x/no-default-export': 'off' },
  },
  { files: ['renderer/**/*.d.ts'], rules: { 'import-x/no-default-export': 'off' } },
);
