import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findOn, root, say } from '../bootstrap.mjs';

/** A program the suites run, and where it comes from. */
interface Tool {
  readonly program: string;
  readonly debianPackage?: string;
  /** What it is built from, where Debian has no package of it. */
  readonly goModule?: string;
}

const tools: readonly Tool[] = [
  { program: 'skopeo', debianPackage: 'skopeo' },
  { program: 'podman', debianPackage: 'podman' },
  { program: 'buildah', debianPackage: 'buildah' },
  { program: 'docker-registry', debianPackage: 'docker-registry' },
  { program: 'containerd', debianPackage: 'containerd' },
  { program: 'ctr', debianPackage: 'containerd' },
  { program: 'umoci', debianPackage: 'umoci' },
  { program: 'curl', debianPackage: 'curl' },
  { program: 'chromium', debianPackage: 'chromium' },
  { program: 'wrk', debianPackage: 'wrk' },
  { program: 'nginx', debianPackage: 'nginx' },
  { program: 'crane', goModule: 'github.com/google/go-containerregistry/cmd/crane@latest' },
  { program: 'cosign', goModule: 'github.com/sigstore/cosign/v3/cmd/cosign@latest' },
  { program: 'helm', goModule: 'helm.sh/helm/v3/cmd/helm@latest' },
];

const cache = join(root, '.cache');
const installTimeoutMs = 480_000;

/** A tool that is not there, and why. */
export interface MissingTool {
  readonly program: string;
  readonly reason: string;
}

/** PATH for the suites: what was built for them first, then the machine's own and its administrators' folders. */
export function toolPath(): string {
  return [join(cache, 'bin'), process.env['PATH'], '/usr/sbin', '/sbin', '/usr/local/go/bin', join(homedir(), 'go/bin')]
    .filter(Boolean)
    .join(delimiter);
}

/** Gets what is missing of `programs` where that is possible without asking; returns what is missing afterwards. */
export function provideTools(programs: readonly string[]): MissingTool[] {
  const missing = (): Tool[] =>
    tools.filter(({ program }) => programs.includes(program) && findOn(toolPath(), program) === undefined);
  if (missing().length === 0) return [];
  const packages = [...new Set(missing().flatMap(({ debianPackage }) => debianPackage ?? []))];
  const aptReason = packages.length === 0 ? undefined : installPackages(packages);
  const goReasons = new Map(
    missing().map(({ program, goModule }) => [program, goModule && buildWithGo(program, goModule)]),
  );
  return missing().map(({ program, goModule }) => ({
    program,
    reason: (goModule === undefined ? aptReason : goReasons.get(program)) ?? 'it was installed but has no such program',
  }));
}

/** Why not, or undefined when all went well. */
function installPackages(packages: readonly string[]): string | undefined {
  if (!existsSync('/etc/debian_version') || findOn(toolPath(), 'apt-get') === undefined)
    return 'not installed, and this is not Debian';
  if (process.getuid?.() !== 0) return `not installed; as root: apt-get install ${packages.join(' ')}`;
  say(`getting ${packages.join(' ')} by apt`);
  return withoutServices(() => {
    apt(['update']);
    if (apt(['install', '--no-install-recommends', ...packages])) return undefined;
    // one that cannot be had must not keep the others away
    const failed = packages.filter((name) => !apt(['install', '--no-install-recommends', name]));
    return failed.length === 0 ? undefined : `apt-get could not install ${failed.join(' ')}`;
  });
}

function apt(args: readonly string[]): boolean {
  const options = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=120'];
  const { status, stdout, stderr } = spawnSync('apt-get', [...options, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', PATH: toolPath() },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: installTimeoutMs,
  });
  if (status !== 0) say(`apt-get ${args.join(' ')}: ${(stderr || stdout).trim().split('\n').slice(-3).join(' / ')}`);
  return status === 0;
}

/** The packages bring services that would start at once and take ports; the suites need none of them. */
function withoutServices<T>(work: () => T): T {
  const policy = '/usr/sbin/policy-rc.d';
  const isOurs = !existsSync(policy);
  if (isOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return work();
  } finally {
    if (isOurs) rmSync(policy, { force: true });
  }
}

function buildWithGo(program: string, goModule: string): string | undefined {
  const go = findOn(toolPath(), 'go');
  if (go === undefined) return `not installed, and there is no Go to build it with (go install ${goModule})`;
  say(`building ${program} with Go`);
  mkdirSync(join(cache, 'bin'), { recursive: true });
  const homeless =
    process.env['HOME'] === undefined ? { GOPATH: join(cache, 'go'), GOCACHE: join(cache, 'go-build') } : {};
  const { status, stderr } = spawnSync(go, ['install', goModule], {
    env: { ...process.env, ...homeless, GOBIN: join(cache, 'bin'), GOFLAGS: '-modcacherw' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: installTimeoutMs,
  });
  return status === 0 ? undefined : `"go install ${goModule}" failed: ${stderr.trim().split('\n').at(-1) ?? ''}`;
}
