/** A command-line flag that stands for one setting. */
export interface SettingFlag {
  /** Without dashes. */
  readonly name: string;
  /** Where its value goes in the settings. */
  readonly path: readonly string[];
  /** path: relative to the working directory. list: separated by commas. */
  readonly kind: 'text' | 'path' | 'list';
  /** Stands for the value in the help. */
  readonly placeholder: string;
  readonly help: string;
  /** Whether an empty value is allowed and means "none", as in deployment templates. */
  readonly mayBeEmpty: boolean;
}

const text = (name: string, path: string, placeholder: string, help: string): SettingFlag => ({
  name,
  path: path.split('.'),
  kind: 'text',
  placeholder,
  help,
  mayBeEmpty: false,
});
const file = (name: string, path: string, placeholder: string, help: string): SettingFlag => ({
  name,
  path: path.split('.'),
  kind: 'path',
  placeholder,
  help,
  mayBeEmpty: true,
});

/** Flags of every command. `--settings` is beside them: it names the file and is no setting. */
export const commonFlags: readonly SettingFlag[] = [
  {
    ...file(
      'data-dir',
      'dataDirectory',
      'DIR',
      'database, and content unless --storage is given (default: ~/.zhi/mirror, or /var/lib/zhi-mirror without a home)',
    ),
    mayBeEmpty: false,
  },
  text('log-level', 'log.level', 'LEVEL', 'trace, debug, info, warn or error (default: info)'),
];

/** Flags of `serve`, and of `doctor`, which checks what `serve` would do. */
export const serveFlags: readonly SettingFlag[] = [
  text(
    'listen',
    'listen',
    'ADDRESS',
    'address of the mirror: host:port, or :port for every interface (default: :5050)',
  ),
  text('admin-listen', 'adminListen', 'ADDRESS', 'address of the window; loopback only (default: 127.0.0.1:5051)'),
  {
    ...file(
      'storage',
      'storageDirectory',
      'DIR',
      'folder of the content; without --data-dir the database goes there too',
    ),
    mayBeEmpty: false,
  },
  text(
    'upstream-registry',
    'upstreamRegistry',
    'HOST|URL',
    'default upstream; a URL where it is plain HTTP or has a path (default: ghcr.io)',
  ),
  file(
    'audit',
    'audit.file',
    'FILE',
    'audit log, JSON Lines; - is standard output (default: audit/audit.jsonl in the data directory)',
  ),
  file(
    'policy',
    'policy.file',
    'FILE',
    'policy (YAML); read again when it changes (default: the policy of the window)',
  ),
  file('tls-cert', 'tls.cert', 'FILE', 'server certificate (PEM); TLS is on when --tls-key is given too'),
  file('tls-key', 'tls.key', 'FILE', "the server certificate's private key (PEM)"),
  file('tls-client-ca', 'tls.clientCa', 'FILE', 'authority (PEM) that client certificates must be signed by (mTLS)'),
  text('tls-min-version', 'tls.minVersion', 'VERSION', 'lowest TLS version accepted, 1.2 or 1.3 (default: 1.2)'),
  {
    ...text(
      'tls-cipher-suites',
      'tls.cipherSuites',
      'LIST',
      "allowed cipher suites by Go's names, separated by commas (default: those of this runtime)",
    ),
    kind: 'list',
    mayBeEmpty: true,
  },
  file('upstream-tls-cert', 'upstreamTls.cert', 'FILE', 'client certificate (PEM) shown to upstreams'),
  file('upstream-tls-key', 'upstreamTls.key', 'FILE', "the client certificate's private key (PEM)"),
  file('upstream-tls-ca', 'upstreamTls.ca', 'FILE', 'extra authorities (PEM) that upstreams are verified with'),
];

/** Every flag that stands for a setting. */
export const settingFlags: readonly SettingFlag[] = [...commonFlags, ...serveFlags];
