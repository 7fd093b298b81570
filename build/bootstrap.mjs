// Runs on the system's Node (20.19 or newer) with nothing installed: gets the dependencies, among them the project's own
// Node, and hands over to it. Plain JavaScript and Node's own modules only.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, accessSync, existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join, resolve, sep } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

/** The checkout. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

const modules = join(root, 'node_modules');
const lockFile = join(root, 'package-lock.json');
const stampFile = join(modules, '.zhi-mirror-install');
const isWindows = process.platform === 'win32';

/** One line for the person, on standard error: standard output belongs to the command that was asked for. */
export function say(text) {
  process.stderr.write(`zhi-mirror: ${text}\n`);
}

const nodePackage = join(modules, 'node');
const ownNode = join(nodePackage, 'bin', isWindows ? 'node.exe' : 'node');

/** Path of the Node that runs the project: its own; where npm has none for the platform, the present one if it is new enough. */
export function projectNode() {
  return existsSync(ownNode) ? ownNode : process.execPath;
}

/** Runs `npm ci` unless what is installed is what package-lock.json asks for. Ends the process with a sentence when it cannot. */
export async function ensureInstalled() {
  requireNode();
  if (isInstalled()) return;
  await withLock(join(root, '.cache', 'install.lock'), () => {
    if (!isInstalled()) install();
  });
}

/**
 * Becomes `node <args>` under the project's Node. Where the platform can, this process is replaced, so signals, exit code
 * and memory are the program's own; elsewhere a child runs and signals are forwarded.
 */
export function runProjectNode(args, env = process.env) {
  const withPath = { ...env, PATH: [join(modules, '.bin'), env.PATH].filter(Boolean).join(delimiter) };
  if (!isWindows && typeof process.execve === 'function') {
    process.execve(projectNode(), [projectNode(), ...args], withPath);
  }
  return forward(spawn(projectNode(), args, { stdio: 'inherit', env: withPath }));
}

/** Gives the child our signals and takes its exit. Resolves with the exit code once it ended. */
export function forward(child) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // a terminal sends Ctrl-C to the child itself; a second one would mean "now, without waiting"
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  return new Promise((resolveExit) => {
    child.on('error', (error) => {
      say(`${basename(child.spawnfile)} could not be started: ${error.message}`);
      resolveExit(127);
    });
    child.on('exit', (code, signal) =>
      resolveExit(code ?? 128 + (signal === 'SIGINT' ? 2 : signal === 'SIGTERM' ? 15 : 9)),
    );
  });
}

/** Relative paths in arguments mean the folder the person is in, also when npm changed to the checkout. */
export function returnToCallersDirectory() {
  const directory = process.env.INIT_CWD;
  if (directory && existsSync(directory)) process.chdir(directory);
}

function requireNode() {
  if (isAtLeast(20, 19)) return;
  say(`Node ${process.versions.node} is too old to begin with; 20.19 or newer is needed (the rest, npm installs).`);
  process.exit(2);
}

function isAtLeast(wantedMajor, wantedMinor) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function isInstalled() {
  if (!canRunProject()) return false;
  return (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === lockStamp()) || adoptTree();
}

function canRunProject() {
  return existsSync(ownNode) || (existsSync(modules) && isAtLeast(22, 19));
}

/** True when npm has installed what is asked for, by whomever it was started; remembered for the next time. */
function adoptTree() {
  if (!isSameTree(JSON.parse(readFileSync(lockFile, 'utf8')).packages)) return false;
  if (canRunProject()) writeFileSync(stampFile, lockStamp());
  return true;
}

function lockStamp() {
  return createHash('sha256').update(readFileSync(lockFile)).digest('hex');
}

/** Compares with npm's own record of what it installed, so that an `npm install` by hand counts. */
function isSameTree(wanted) {
  const record = join(modules, '.package-lock.json');
  if (!existsSync(record)) return false;
  const held = JSON.parse(readFileSync(record, 'utf8')).packages;
  for (const path of Object.keys(held)) if (wanted[path] === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const installed = held[path];
    // what is not for this platform is optional and left out
    if (installed === undefined) return entry.optional === true || entry.devOptional === true;
    return installed.version === entry.version && installed.integrity === entry.integrity;
  });
}

function install() {
  // npm must not run on the Node that is among what it replaces
  const path = outsidePath();
  const env = { ...process.env, PATH: path };
  if (!adoptTree()) {
    say('installing dependencies, about 600 MB: a minute or two, only now and when package-lock.json changes');
    const { command, args } = npmCommand(path);
    // no package's install script is wanted: one would compile what comes compiled
    const flags = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const shell = isWindows && args.length === 0;
    const { status, error } = spawnSync(command, [...args, ...flags], {
      cwd: root,
      env,
      stdio: ['ignore', 2, 2],
      shell,
    });
    if (status !== 0) {
      const reason = error ? error.message : `exit code ${status}`;
      say(
        `dependencies could not be installed: "npm ci" failed (${reason}); its words are above. It needs the npm registry and about 1 GB of disk.`,
      );
      process.exit(1);
    }
  }
  if (!existsSync(ownNode)) fetchNode(path, env);
  writeFileSync(stampFile, lockStamp());
}

/** The one install script that is needed: it gets the Node of this platform as a package of its own. */
function fetchNode(path, env) {
  const node = findOn(path, 'node') ?? process.execPath;
  const script = join(nodePackage, 'installArchSpecificPackage.js');
  spawnSync(node, [script], {
    cwd: nodePackage,
    env: { ...env, npm_config_loglevel: 'error' },
    stdio: ['ignore', 2, 2],
  });
  if (!canRunProject()) {
    say(
      "the project's own Node could not be installed: npm's words are above. Node 24 on this machine would do as well.",
    );
    process.exit(1);
  }
  const link = join(modules, '.bin', 'node');
  if (!isWindows && existsSync(ownNode) && !existsSync(link)) {
    rmSync(link, { force: true });
    symlinkSync(join('..', 'node', 'bin', 'node'), link);
  }
}

function outsidePath() {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => !resolve(entry).startsWith(modules + sep) && resolve(entry) !== modules)
    .join(delimiter);
}

function npmCommand(path) {
  const script = process.env.npm_execpath ?? '';
  if (basename(script) === 'npm-cli.js' && existsSync(script))
    return { command: findOn(path, 'node') ?? process.execPath, args: [script] };
  return { command: isWindows ? 'npm.cmd' : (findOn(path, 'npm') ?? 'npm'), args: [] };
}

/** Path of the program `name` in the folders of `path`, or undefined. */
export function findOn(path, name) {
  for (const directory of path.split(delimiter)) {
    const file = join(directory, isWindows ? `${name}.exe` : name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [script, ...rest] = process.argv.slice(2);
  await ensureInstalled();
  if (script !== undefined) process.exitCode = await runProjectNode([resolve(root, script), ...rest]);
}
