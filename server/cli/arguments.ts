import type { Command } from 'commander';
import { settingFlags } from '../config/flags.ts';
import { nearest } from '../lib/nearest.ts';
import type { CommandLine } from './io.ts';

/** Go's flags may have one dash: `-listen :5050` and `-listen=:5050` mean the same as with two. */
export function doubleDashes(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return args.map((arg, index) => ((end < 0 || index < end) && /^-[a-z][a-z-]+(?:=|$)/s.test(arg) ? `-${arg}` : arg));
}

/** One option of a command that stands for no setting. */
export interface CommandOption {
  /** Without dashes. */
  readonly name: string;
  /** Stands for the value in the help; absent: the option takes none. */
  readonly placeholder?: string;
  readonly help: string;
}

/** What a command takes beside the flags that stand for settings. */
export interface CommandTakes {
  readonly options: readonly CommandOption[];
  /** Names of the words that stand beside the flags, as the help shows them; one in brackets may be left out, one with "..." be many. */
  readonly words: readonly string[];
}

/** Takes what commander parsed, and finds everything that is wrong with it instead of the first thing. */
export function readCommandLine(command: Command, takes: CommandTakes): CommandLine {
  const given: Readonly<Record<string, unknown>> = command.opts();
  const { words, problems: wordProblems } = readWords(command, takes.words);
  const problems = [...wordProblems, ...refusedFlags(given)];
  const flags: Record<string, string> = {};
  const options: Record<string, string> = {};
  for (const option of command.options) {
    const value = given[option.attributeName()];
    const name = option.name();
    const own = takes.options.find((candidate) => candidate.name === name);
    if (value === undefined || (own === undefined && !takesValue(name))) continue;
    if (typeof value === 'string') (own === undefined ? flags : options)[name] = value;
    else if (own !== undefined && own.placeholder === undefined) options[name] = '';
    else problems.push(`--${name} needs a value, as in "--${option.flags.replace(/^--|[[\]]/g, '')}".`);
  }
  const { settings, 'zot-config': zotConfig, ...settingValues } = flags;
  return {
    flags: settingValues,
    settingsFile: settings,
    zotConfig,
    options,
    words,
    isJson: given['json'] === true,
    problems,
  };
}

function takesValue(name: string): boolean {
  return name === 'settings' || name === 'zot-config' || settingFlags.some((flag) => flag.name === name);
}

/** Accepting what does nothing would be worse than refusing: a policy that is not applied allows everything. */
function refusedFlags(given: Readonly<Record<string, unknown>>): readonly string[] {
  return [
    ...(given['upstreamMarketplace'] === undefined
      ? []
      : ['--upstream-marketplace is refused: the marketplace is not built yet, so nothing would be answered.']),
  ];
}

function readWords(
  command: Command,
  names: readonly string[],
): { readonly words: readonly string[]; readonly problems: readonly string[] } {
  const known = command.options.filter((option) => !option.hidden).map((option) => option.name());
  const words: string[] = [];
  const problems: string[] = [];
  let isAfterUnknown = false;
  for (const arg of command.args) {
    const isFlag = arg.startsWith('-') && arg !== '-';
    // the word after an unknown flag is most likely its value
    const isPartOfIt = !isFlag && isAfterUnknown;
    isAfterUnknown = isFlag && !arg.includes('=');
    if (isPartOfIt) continue;
    if (isFlag) problems.push(unknownFlag(arg, command.name(), known));
    else if (words.length < names.length || names.at(-1)?.includes('...') === true) words.push(arg);
    else problems.push(oneWordTooMany(arg, command.name(), names));
  }
  const missing = names.slice(words.length).find((name) => !name.startsWith('['));
  if (missing !== undefined)
    problems.push(`"${command.name()}" needs ${missing}; "zhi-mirror ${command.name()} --help" shows it.`);
  return { words, problems };
}

function oneWordTooMany(word: string, command: string, names: readonly string[]): string {
  const takes = names.length === 0 ? 'flags only' : `flags and ${names.join(' ')}`;
  return `${JSON.stringify(word)} is one word too many; "${command}" takes ${takes}.`;
}

function unknownFlag(arg: string, command: string, known: readonly string[]): string {
  const name = arg.replace(/=.*$/s, '');
  const guess = nearest(name.replace(/^-+/, ''), known);
  return `${name} is not a flag of "${command}"; ${guess === undefined ? `"zhi-mirror ${command} --help" lists them.` : `did you mean --${guess}?`}`;
}
