import { resolve } from 'node:path';
import type { RouteResponse } from '../api/contract.ts';
import { routes } from '../api/contract.ts';
import { ConfigError } from '../errors.ts';
import { withAdmin } from './admin-call.ts';
import type { AdminClient } from './admin-call.ts';
import type { CliIo, CommandLine } from './io.ts';
import { readPolicyFile } from './policy-file.ts';

type Tested = RouteResponse<'testPolicy'>;
type Replayed = RouteResponse<'replayPolicy'>;
type Action = Parameters<typeof testInput>[0];

const names = ['test', 'lint', 'replay', 'show'] as const;
type SubCommand = (typeof names)[number];

/** Options that each of them takes; `--json` all. */
const takes: Readonly<Record<SubCommand, readonly string[]>> = {
  test: ['action', 'as', 'file'],
  lint: [],
  replay: ['days', 'file'],
  show: [],
};
const actions = routes.testPolicy.body.shape.action.unwrap().options;
const defaultDays = 30;
/** Names printed; the rest is counted. */
const namesShown = 50;

/**
 * `zhi-mirror policy test|lint|replay|show`: asks the policy of a mirror, or one of a file, beside a running mirror or
 * without one. `test` is 1 when the reference is not allowed, `lint` 2 when there are problems.
 */
export async function policy(line: CommandLine, io: CliIo): Promise<number> {
  const [name = '', word] = line.words;
  const command = names.find((known) => known === name);
  const problems = [...line.problems, ...problemsOf(line, command)];
  if (command === undefined || problems.length > 0) throw new ConfigError(problems);
  if (command === 'lint') return word === undefined ? lintHeld(line, io) : lintFile(resolve(io.cwd, word), line, io);
  const { file } = line.options;
  const text = file === undefined ? {} : { text: usableText(resolve(io.cwd, file)) };
  return withAdmin(line, io, (admin) => {
    if (command === 'test') return test({ reference: word ?? '', ...text }, { admin, line, io });
    return command === 'replay' ? replay(text, { admin, line, io }) : show({ admin, line, io });
  });
}

interface Run {
  readonly admin: AdminClient;
  readonly line: CommandLine;
  readonly io: CliIo;
}

function problemsOf(line: CommandLine, command: SubCommand | undefined): string[] {
  const [name, word] = line.words;
  // what is missing altogether has been said
  if (name === undefined) return [];
  if (command === undefined)
    return [`"policy ${name}" is not a command; there are ${names.map((known) => `policy ${known}`).join(', ')}.`];
  return [
    ...(command === 'test' && word === undefined
      ? ['"policy test" needs a reference, as in "policy test ghcr.io/org/app:v1".']
      : []),
    ...((command === 'replay' || command === 'show') && word !== undefined
      ? [`${JSON.stringify(word)} is one word too many; "policy ${command}" takes options only.`]
      : []),
    ...Object.keys(line.options)
      .filter((option) => !takes[command].includes(option))
      .map((option) => `--${option} has no effect on "policy ${command}".`),
    ...valueProblems(line.options),
  ];
}

function valueProblems({ action, days }: CommandLine['options']): string[] {
  const isAction = action === undefined || actions.some((known) => known === action);
  const isDays = days === undefined || (/^[1-9]\d{0,3}$/.test(days) && Number(days) <= 3650);
  return [
    ...(isAction ? [] : [`--action must be one of ${actions.join(', ')}, not ${JSON.stringify(action)}.`]),
    ...(isDays ? [] : [`--days must be a number of days from 1 to 3650, not ${JSON.stringify(days)}.`]),
  ];
}

/** @throws ConfigError (CONFIG_INVALID) with every problem of the file */
function usableText(path: string): string {
  const { text, problems } = readPolicyFile(path);
  if (problems.length > 0) throw new ConfigError(problems);
  return text;
}

function lintFile(path: string, line: CommandLine, io: CliIo): number {
  const { problems, warnings, rules } = readPolicyFile(path);
  return tellLint({ name: path, problems, warnings, rules: rules.length }, line, io);
}

async function lintHeld(line: CommandLine, io: CliIo): Promise<number> {
  return withAdmin(line, io, async (admin) => {
    const { source, file, problems, warnings, rules } = await admin.call('getPolicy');
    const name = file ?? (source === 'none' ? 'no policy' : 'the policy of the window');
    const told = (remarks: typeof problems): string[] =>
      remarks.map(
        ({ line: at, column, message }) =>
          `${file ?? 'policy'}${at === undefined ? '' : `:${String(at)}:${String(column ?? 1)}`}: ${message}`,
      );
    return tellLint({ name, problems: told(problems), warnings: told(warnings), rules: rules.length }, line, io);
  });
}

function tellLint(
  found: {
    readonly name: string;
    readonly problems: readonly string[];
    readonly warnings: readonly string[];
    readonly rules: number;
  },
  line: CommandLine,
  io: CliIo,
): number {
  const { name, problems, warnings, rules } = found;
  const isSound = problems.length === 0;
  for (const sentence of [...problems, ...warnings]) io.err(sentence);
  if (line.isJson) io.out(JSON.stringify({ ok: isSound, problems, warnings }, undefined, 2));
  else if (isSound)
    io.out(
      `${name}: ${count(rules, 'rule')}, ${warnings.length === 0 ? 'no warnings' : count(warnings.length, 'warning')}.`,
    );
  return isSound ? 0 : 2;
}

function testInput(action: 'pull' | 'push' | 'sync' | 'import' | 'export', user: string | undefined) {
  return { action, ...(user === undefined ? {} : { user }) };
}

async function test(
  about: { readonly reference: string; readonly text?: string },
  { admin, line, io }: Run,
): Promise<number> {
  const action: Action = actions.find((known) => known === line.options['action']) ?? 'pull';
  const result = await admin.call('testPolicy', { body: { ...about, ...testInput(action, line.options['as']) } });
  if (line.isJson) io.out(JSON.stringify(result, undefined, 2));
  else for (const text of describeTest(result)) io.out(text);
  return result.effect === 'allow' ? 0 : 1;
}

const effects: Readonly<Record<Tested['effect'], string>> = {
  allow: 'allowed',
  deny: 'denied',
  unknown: 'not known yet',
};
const sayings: Readonly<Record<Tested['rules'][number]['said'], string>> = {
  pass: 'nothing against it',
  allow: 'allows',
  deny: 'denies',
  need: 'waits',
  skipped: 'not asked',
};

function describeTest(result: Tested): readonly string[] {
  const { rules, mapping, tags, digest } = result;
  const width = Math.max(0, ...rules.map(({ rule }) => rule.length));
  const by = tags.length === 0 ? '' : `, as ${tags.join(', ')}`;
  return [
    `${result.reference}: ${effects[result.effect]}${result.rule === undefined ? '' : ` by rule ${result.rule}`}: ${result.reason}`,
    ...result.wouldDeny.map(({ rule, reason }) => `dry run: rule ${rule} would deny it: ${reason}`),
    '',
    `leads to  ${mapping.repository ?? 'nowhere'} (${mapping.explanation})`,
    `held      ${result.held ? 'yes' : 'no'}${digest === undefined ? '' : `; decided about ${digest}${by}`}`,
    ...rules.map(
      ({ rule, mode, said, reason }) =>
        `${rule.padEnd(width)}  ${mode.padEnd(7)}  ${sayings[said]}${reason === undefined ? '' : `: ${reason}`}`,
    ),
  ];
}

async function replay(text: { readonly text?: string }, { admin, line, io }: Run): Promise<number> {
  const days = Number(line.options['days'] ?? defaultDays);
  const report = await admin.call('replayPolicy', { body: { ...text, days } });
  if (line.isJson) io.out(JSON.stringify(report, undefined, 2));
  else for (const sentence of describeReplay(report, days)) io.out(sentence);
  return 0;
}

function describeReplay(report: Replayed, days: number): readonly string[] {
  const { items, itemsTotal, rules } = report;
  const shown = items.slice(0, namesShown);
  const more = itemsTotal - shown.length;
  const dry = (mode: Replayed['items'][number]['mode']): string => (mode === 'dry-run' ? ' (dry run)' : '');
  return [
    ...shown.map(
      (item) =>
        `${String(item.pulls).padStart(7)}  ${item.artifact}${item.user === undefined ? '' : ` by ${item.user}`}  ${item.rule}${dry(item.mode)}: ${item.reason}`,
    ),
    ...(more > 0 ? [`and ${String(more)} more`] : []),
    ...rules.map(
      ({ rule, mode, pulls, names: artifacts }) =>
        `rule ${rule}${dry(mode)}: ${count(pulls, 'pull')} of ${count(artifacts, 'artifact')}`,
    ),
    `Of ${count(report.pulls, 'pull')} in ${count(days, 'day')}, ${String(report.denied)} would be denied and ${String(report.allowed)} allowed${report.nowAllowed === 0 ? '' : `, ${String(report.nowAllowed)} of which were denied`}.`,
  ];
}

async function show({ admin, line, io }: Run): Promise<number> {
  const view = await admin.call('getPolicy');
  if (line.isJson) {
    io.out(JSON.stringify(view, undefined, 2));
    return 0;
  }
  const { file, rules, problems, version } = view;
  if (problems.length > 0)
    io.err(
      `The last edit of ${file ?? 'the policy'} does not hold; the policy before it does. "policy lint" says why.`,
    );
  if (rules.length === 0) {
    io.out('No policy: everything is allowed. --policy FILE, and the window\'s page "Policies", make one.');
    return 0;
  }
  const width = Math.max(...rules.map(({ name }) => name.length));
  io.out(`${file ?? 'the policy of the window'}, version ${version}`);
  for (const { name, mode, sentence } of rules) io.out(`${name.padEnd(width)}  ${mode.padEnd(7)}  ${sentence}`);
  return 0;
}

function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
}
