import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One nginx of the benchmark: everything it writes stays in `directory`. */
export interface NginxSetup {
  readonly directory: string;
  /** The content of the `http` block. */
  readonly http: string;
}

/** Writes a configuration under which nginx runs in the foreground as whoever started it, and returns its arguments. */
export async function configureNginx({ directory, http }: NginxSetup): Promise<readonly string[]> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(directory, `${kind}-temporary`)};`,
  );
  // `user` means something to root only; others get a warning and run as themselves.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const file = join(directory, 'nginx.conf');
  const lines = [
    `${user} daemon off; worker_processes 2; worker_rlimit_nofile 8192; pid ${join(directory, 'nginx.pid')};`,
    `error_log ${join(directory, 'error.log')} crit;`,
    'events { worker_connections 2048; }',
    `http { sendfile on; keepalive_requests 1000000000; ${temporary.join(' ')}`,
    http,
    '}',
  ];
  await writeFile(file, lines.join('\n'));
  return ['-c', file, '-e', join(directory, 'error.log')];
}
