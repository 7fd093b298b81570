import { readFileSync, readdirSync } from 'node:fs';

/** What the kernel accounts to a server and all its processes. */
export interface TreeUsage {
  /** User and system time of the living processes with all their threads, and of their reaped children. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** The highest resident size each process ever had, summed. */
  readonly peakBytes: number;
}

/** USER_HZ: the unit of the times in /proc, 100 on every Linux architecture Node runs on (proc(5)). */
const ticksPerSecond = 100;

/** Reads /proc for a process and its descendants; pages shared between them count once per process. */
export function readTreeUsage(rootPid: number): TreeUsage {
  let cpuSeconds = 0;
  let residentBytes = 0;
  let peakBytes = 0;
  for (const pid of listTree(rootPid)) {
    const fields = readStat(pid);
    if (fields === undefined) continue;
    // Fields 14 to 17 of proc(5): utime, stime, cutime, cstime; `fields` starts at field 3.
    const ticks = fields.slice(11, 15).reduce((sum, text) => sum + Number(text), 0);
    cpuSeconds += ticks / ticksPerSecond;
    const status = readText(`/proc/${pid}/status`);
    residentBytes += readKibibytes(status, 'VmRSS');
    peakBytes += readKibibytes(status, 'VmHWM');
  }
  return { cpuSeconds, residentBytes, peakBytes };
}

function listTree(rootPid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = readStat(Number(name));
    if (fields !== undefined) parents.set(Number(name), Number(fields[1]));
  }
  const tree = [rootPid];
  for (const parent of tree) {
    for (const [pid, parentPid] of parents) if (parentPid === parent) tree.push(pid);
  }
  return tree;
}

/** The fields after the command name, which may itself hold spaces and parentheses. */
function readStat(pid: number): readonly string[] | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === '') return undefined;
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function readKibibytes(status: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status);
  return Number(match?.[1] ?? 0) * 1024;
}

/** Empty when the process has ended meanwhile. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
