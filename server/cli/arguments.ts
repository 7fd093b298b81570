import type { Command } from 'commander';
import { settingFlags } from '../config/flags.ts';
import { nearest } from '../lib/nearest.ts';
import type { CommandLine } from './io.ts';

/** Go's flags may have one dash: `-listen :5050` and `-listen=:5050` mean the same as with two. */
export function doubleDashes(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return args.map((arg, index) => ((end < 0 || index < end) && /^-[a-z][a-z-]+(?:=|$)/s.test(arg) ? `-${arg}` : arg));
}

/** Takes what commander parsed, and finds everything that is wrong with it instead of the first thing. */
export function readCommandLine(command: Command): CommandLine {
  const given: Readonly<Record<string, unknown>> = command.opts();
  const problems = [...unknownArguments(command), ...refusedFlags(given)];
  const flags: Record<string, string> = {};
  for (const option of command.options) {
    const value = given[option.attributeName()];
    const name = option.name();
    if (value === undefined || !takesValue(name)) continue;
    if (typeof value === 'string') flags[name] = value;
    else problems.push(`--${name} needs a value, as in "--${option.flags.replace(/^--|[[\]]/g, '')}".`);
  }
  const { settings, 'zot-config': zotConfig, ...settingValues } = flags;
  return { flags: settingValues, settingsFile: settings, zotConfig, isJson: given['json'] === true, problems };
}

function takesValue(name: string): boolean {
  return name === 'settings' || name === 'zot-config' || settingFlags.some((flag) => flag.name === name);
}

/** Accepting what does nothing would be worse than refusing: a policy that is not applied allows everything. */
function refusedFlags(given: Readonly<Record<string, unknown>>): readonly string[] {
  return [
    ...(given['policy'] === undefined
      ? []
      : ['--policy is refused: policies are not built yet, so nothing would be denied.']),
    ...(given['upstreamMarketplace'] === undefined
      ? []
      : ['--upstream-marketplace is refused: the marketplace is not built yet, so nothing would be answered.']),
  ];
}

function unknownArguments(command: Command): readonly string[] {
  const known = command.options.filter((option) => !option.hidden).map((option) => option.name());
  let isAfterUnknown = false;
  return command.args.flatMap((arg) => {
    const isFlag = arg.startsWith('-') && arg !== '-';
    // the word after an unknown flag is most likely its value
    const isPartOfIt = !isFlag && isAfterUnknown;
    isAfterUnknown = isFlag && !arg.includes('=');
    if (isPartOfIt) return [];
    return [
      isFlag
        ? unknownFlag(arg, command.name(), known)
        : `${JSON.stringify(arg)} is one word too many; "${command.name()}" takes flags only.`,
    ];
  });
}

function unknownFlag(arg: string, command: string, known: readonly string[]): string {
  const name = arg.replace(/=.*$/s, '');
  const guess = nearest(name.replace(/^-+/, ''), known);
  return `${name} is not a flag of "${command}"; ${guess === undefined ? `"zhi-mirror ${command} --help" lists them.` : `did you mean --${guess}?`}`;
}
