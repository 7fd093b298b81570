import { Command, CommanderError, Option } from 'commander';
import { commonFlags, serveFlags } from '../config/flags.ts';
import type { SettingFlag } from '../config/flags.ts';
import { ConfigError, isExpected } from '../errors.ts';
import { redactText } from '../lib/log.ts';
import { nearest } from '../lib/nearest.ts';
import { doubleDashes, readCommandLine } from './arguments.ts';
import type { CommandOption } from './arguments.ts';
import type { CliIo, CommandAction, CommandLine } from './io.ts';
import { productVersion } from './product.ts';

/** One command: what the help says of it, its flags, and the module that runs it, loaded when it is called. */
interface CommandEntry {
  readonly summary: string;
  readonly flags: readonly SettingFlag[];
  readonly hasJson: boolean;
  /** Options that stand for no setting. */
  readonly options?: readonly CommandOption[];
  /** Words beside the flags, as the help shows them: "REPOSITORY", "[DIGEST]". */
  readonly words?: readonly string[];
  /** Shown below its flags. */
  readonly note?: string;
  readonly load: () => Promise<CommandAction>;
}

const serveEntry: CommandEntry = {
  summary: 'run the mirror and its window until it is stopped',
  flags: serveFlags,
  hasJson: false,
  note: 'Not built yet, and refused: --upstream-marketplace URL.',
  load: async () => (await import('./serve.ts')).serve,
};

const commands: Readonly<Record<string, CommandEntry>> = {
  serve: serveEntry,
  doctor: {
    summary: 'check that serve would work here, without changing anything; takes the flags of serve',
    flags: serveFlags,
    hasJson: true,
    load: async () => (await import('./doctor.ts')).doctor,
  },
  catalog: {
    summary: 'list the repositories held, with their tags, bytes and last pull',
    flags: serveFlags.filter(({ name }) => name === 'storage'),
    options: [{ name: 'tags', placeholder: 'REPOSITORY', help: 'list the tags of this repository' }],
    words: ['[TEXT]'],
    hasJson: true,
    load: async () => (await import('./catalog.ts')).catalog,
  },
  audit: {
    summary: 'prove that nobody changed the audit log, or show the key that signs it',
    flags: serveFlags.filter(({ name }) => name === 'storage' || name === 'audit'),
    options: [
      {
        name: 'key',
        placeholder: 'FILE|FINGERPRINT',
        help: 'the only key that may have signed: its public half as PEM, or its fingerprint (default: those of the data directory)',
      },
    ],
    words: ['verify|key', '[FILE...]'],
    note: 'audit verify without FILE reads the whole log, beside a running mirror or without one. Exit code 1 when it finds anything wrong.',
    hasJson: true,
    load: async () => (await import('./audit.ts')).audit,
  },
  storage: {
    summary: 'show what fills the disk, what bounds it, and what goes next when room is needed',
    flags: serveFlags.filter(({ name }) => name === 'storage'),
    hasJson: true,
    load: async () => (await import('./storage.ts')).storage,
  },
  history: {
    summary: 'list what a tag pointed at, and what it can be rolled back to',
    flags: serveFlags.filter(({ name }) => name === 'storage'),
    words: ['REPOSITORY:TAG'],
    hasJson: true,
    load: async () => (await import('./history.ts')).history,
  },
  rollback: {
    summary: 'put a tag back where it pointed before; an upstream does not move it then',
    flags: serveFlags.filter(({ name }) => name === 'storage'),
    options: [
      {
        name: 'to',
        placeholder: 'DIGEST',
        help: 'a digest of its history, or the beginning of one (default: the one before)',
      },
      { name: 'follow', help: 'let the tag follow its upstream again instead' },
      { name: 'dry-run', help: 'say where it would point, and change nothing' },
    ],
    words: ['REPOSITORY:TAG'],
    hasJson: true,
    load: async () => (await import('./rollback.ts')).rollback,
  },
  delete: {
    summary: 'delete a repository, a tag or a manifest; it can be undone for history.keepFor',
    flags: serveFlags.filter(({ name }) => name === 'storage'),
    options: [
      { name: 'dry-run', help: 'say what would go, and change nothing' },
      { name: 'free-now', help: 'free the bytes at once; then it can not be undone' },
    ],
    words: ['REPOSITORY[:TAG|@DIGEST]'],
    hasJson: true,
    load: async () => (await import('./delete.ts')).deleteContent,
  },
  restore: {
    summary: 'undo a deletion while its content is kept; of a repository its last one',
    flags: serveFlags.filter(({ name }) => name === 'storage'),
    words: ['REPOSITORY[:TAG|@DIGEST]'],
    hasJson: true,
    load: async () => (await import('./restore.ts')).restore,
  },
  gc: {
    summary: 'remove what nothing needs any more, and say what went; a running mirror goes on serving',
    flags: serveFlags.filter(({ name }) => name === 'storage'),
    options: [{ name: 'dry-run', help: 'say what would go, and change nothing' }],
    hasJson: true,
    load: async () => (await import('./gc.ts')).gc,
  },
  'import-zot': {
    summary: "take in what a zot registry stored; zot's folder is only read, and it can be repeated",
    flags: serveFlags.filter(({ name }) => name === 'storage'),
    options: [
      {
        name: 'from',
        placeholder: 'DIR',
        help: "zot's storage root (default: the folders that --zot-config names)",
      },
      { name: 'dry-run', help: 'say what would come, and change nothing' },
    ],
    hasJson: true,
    load: async () => (await import('./import-zot.ts')).importZot,
  },
  retention: {
    summary: 'remove the tags that the retention rules let go, and say which; a running mirror goes on serving',
    flags: serveFlags.filter(({ name }) => name === 'storage'),
    options: [
      { name: 'dry-run', help: 'say what would go and why, and change nothing' },
      { name: 'list', help: 'only say what the rules are' },
    ],
    hasJson: true,
    load: async () => (await import('./retention.ts')).retention,
  },
  policy: {
    summary: 'say what the policy decides and why, check a policy file, or replay recorded pulls under it',
    flags: serveFlags.filter(({ name }) => name === 'storage'),
    options: [
      { name: 'action', placeholder: 'ACTION', help: 'test: pull (the default), push, sync, import or export' },
      { name: 'as', placeholder: 'USER', help: 'test: as this user' },
      { name: 'file', placeholder: 'FILE', help: 'test, replay: this policy instead of the one that holds' },
      { name: 'days', placeholder: 'N', help: 'replay: pulls of the last N days (default: 30)' },
    ],
    words: ['test|lint|replay|show', '[REFERENCE|FILE]'],
    hasJson: true,
    note: 'test: exit code 1 when it is not allowed. lint: exit code 2 when there are problems; it needs no data directory for a FILE.',
    load: async () => (await import('./policy.ts')).policy,
  },
  scrub: {
    summary: 'read everything stored again, and fetch again what rotted',
    flags: serveFlags.filter(({ name }) => name === 'storage'),
    options: [
      {
        name: 'rate',
        placeholder: 'SIZE',
        help: 'read at most this much per second, such as "200 MiB"; "0 B": no limit',
      },
      { name: 'status', help: 'only tell how the last round ended and what is damaged' },
    ],
    hasJson: true,
    note: 'Exit code 1 when damage remains that could not be repaired.',
    load: async () => (await import('./scrub.ts')).scrub,
  },
};

/** Commands that people know from the original and that this version does not have. */
const laterCommands: ReadonlySet<string> = new Set(['sync', 'export', 'import']);

/** Reads the command line and runs its command. Exit codes: 0 done, 1 it failed, 2 the input was wrong and nothing changed. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    return explain(error, io);
  }
}

/**
 * The command line of `serve`, for whoever serves without being the CLI; problems are in it.
 * @throws CommanderError when help was asked for
 */
export async function readServeLine(args: readonly string[], io: CliIo): Promise<CommandLine> {
  const read: CommandLine[] = [];
  const entry: CommandEntry = {
    ...serveEntry,
    load: () =>
      Promise.resolve((line) => {
        read.push(line);
        return Promise.resolve(0);
      }),
  };
  await run(buildProgram(io), 'serve', entry, { args, io });
  return (
    read[0] ?? {
      flags: {},
      settingsFile: undefined,
      zotConfig: undefined,
      options: {},
      words: [],
      isJson: false,
      problems: [],
    }
  );
}

async function dispatch(argv: readonly string[], io: CliIo): Promise<number> {
  const [first = '', ...rest] = argv;
  const program = buildProgram(io);
  if (/^(?:help|--?help|-h)$/.test(first)) return printHelp(program, rest[0]);
  if (first === '') {
    io.err(program.helpInformation().trimEnd());
    return 2;
  }
  const entry = Object.hasOwn(commands, first) ? commands[first] : undefined;
  if (entry === undefined) throw new ConfigError([unknownCommand(first)]);
  return run(program, first, entry, { args: rest, io });
}

async function run(
  program: Command,
  name: string,
  entry: CommandEntry,
  call: { readonly args: readonly string[]; readonly io: CliIo },
): Promise<number> {
  let code = 0;
  program.commands
    .find((command) => command.name() === name)
    ?.action(async (_, command: Command) => {
      const line = readCommandLine(command, { options: entry.options ?? [], words: entry.words ?? [] });
      code = await (await entry.load())(line, call.io);
    });
  try {
    await program.parseAsync([name, ...doubleDashes(call.args)], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    throw error;
  }
  return code;
}

function buildProgram(io: CliIo): Command {
  const program = quiet(new Command('zhi-mirror'), io)
    .description('A pull-through mirror for OCI registries: it streams, verifies, caches and survives its upstreams.')
    .helpCommand('help [command]', 'print the help of a command')
    .option('--version', 'print the version')
    .addHelpText('after', '\nNot built yet: sync, export, import.');
  for (const [name, entry] of Object.entries(commands)) {
    const command = quiet(program.command(name), io)
      .description(entry.summary)
      .usage([...(entry.words ?? []), '[flags]'].join(' '))
      .allowUnknownOption()
      .allowExcessArguments();
    for (const { name: option, placeholder, help } of entry.options ?? [])
      command.addOption(
        placeholder === undefined ? new Option(`--${option}`, help) : flagOption(option, placeholder, help),
      );
    for (const flag of [...entry.flags, ...commonFlags])
      command.addOption(flagOption(flag.name, flag.placeholder, flag.help));
    command.addOption(flagOption('settings', 'FILE', 'settings file (YAML); flags win over it'));
    command.addOption(
      flagOption(
        'zot-config',
        'FILE',
        'configuration of a zot registry, read as it is; --settings and flags win over it',
      ),
    );
    if (entry.hasJson) command.option('--json', 'print the result as JSON');
    for (const refused of ['upstream-marketplace']) command.addOption(flagOption(refused, 'VALUE', '').hideHelp());
    if (entry.note !== undefined) command.addHelpText('after', `\n${entry.note}`);
  }
  return program;
}

/** A value is declared optional so that a missing one is found with all other problems instead of ending the reading. */
function flagOption(name: string, placeholder: string, help: string): Option {
  return new Option(`--${name} [${placeholder}]`, help);
}

function quiet(command: Command, io: CliIo): Command {
  return command
    .exitOverride()
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ optionTerm: (option) => option.flags.replace(/\[(.*)\]/, '$1') })
    .configureOutput({
      writeOut: (text) => {
        io.out(text.trimEnd());
      },
      writeErr: () => undefined,
    });
}

function printHelp(program: Command, topic: string | undefined): number {
  const command = topic === undefined ? program : program.commands.find((candidate) => candidate.name() === topic);
  if (command === undefined) throw new ConfigError([unknownCommand(topic ?? '')]);
  command.outputHelp();
  return 0;
}

function unknownCommand(name: string): string {
  if (laterCommands.has(name)) return `"${name}" is not built yet in zhi-mirror ${productVersion()}.`;
  const known = Object.keys(commands);
  if (name.startsWith('-'))
    return `${redactText(name)} stands before the command; flags come after it, as in "zhi-mirror serve --listen :5050".`;
  const guess = nearest(name, [...known, ...laterCommands]);
  if (guess !== undefined && laterCommands.has(guess))
    return `${JSON.stringify(name)} is not a command; did you mean ${guess}? It is not built yet.`;
  return `${JSON.stringify(name)} is not a command; ${guess === undefined ? `there are ${known.join(', ')}.` : `did you mean ${guess}?`}`;
}

function explain(error: unknown, io: CliIo): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) io.err(problem);
    return 2;
  }
  const message = error instanceof Error ? error.message : String(error);
  // only a bug is worth a stack
  const shown = isExpected(error) || !(error instanceof Error) ? message : (error.stack ?? message);
  io.err(redactText(shown));
  return 1;
}
