import type { ErrorCode } from '../../server/errors.ts';

/** What a code says and what a person does about it; a new code does not compile without its sentences. */
export const errorMeanings: Readonly<Record<ErrorCode, { readonly says: string; readonly todo: string }>> = {
  NAME_INVALID: {
    says: 'The repository name is not one the specification allows.',
    todo: 'Correct the name: lower case, digits, `.`, `_`, `-` and `/`.',
  },
  NAME_UNKNOWN: {
    says: 'No upstream and no local repository has this name.',
    todo: 'Check the spelling; the Upstreams page tells which rule a reference matches.',
  },
  DIGEST_INVALID: {
    says: 'The digest is malformed, of an unknown algorithm, or not the one of the content sent.',
    todo: 'Send `sha256:` or `sha512:` and the hexadecimal digest of the bytes.',
  },
  TAG_INVALID: {
    says: 'The tag is not one the specification allows.',
    todo: 'Use letters, digits, `.`, `_` and `-`, at most 128.',
  },
  MANIFEST_INVALID: {
    says: 'The manifest is not valid JSON of a known form.',
    todo: 'Check the manifest that is pushed, or report it to who published it.',
  },
  MANIFEST_UNKNOWN: {
    says: 'The repository has no such tag or digest: neither here nor upstream.',
    todo: 'Check the tag; it may have been removed upstream before it was cached.',
  },
  MANIFEST_BLOB_UNKNOWN: {
    says: 'A pushed manifest refers to a blob or manifest the repository does not have.',
    todo: 'Push what it refers to first; `push.sparse` allows indexes without some of their manifests.',
  },
  MANIFEST_TOO_LARGE: {
    says: 'A pushed manifest has more than 4 MiB.',
    todo: 'Shorten its annotations or its list of layers; no registry is bound to take more.',
  },
  BLOB_UNKNOWN: {
    says: 'The repository has no such blob: neither here nor upstream.',
    todo: 'Pull by the manifest that names it, under the same repository.',
  },
  BLOB_UPLOAD_INVALID: {
    says: 'A piece of an upload does not continue where the last one ended.',
    todo: "Ask for the upload's state and go on from there.",
  },
  BLOB_UPLOAD_UNKNOWN: { says: 'The upload was never begun, ended, or expired.', todo: 'Begin again.' },
  SIZE_INVALID: { says: 'The length announced is not the length sent.', todo: 'Send the right `Content-Length`.' },
  RANGE_INVALID: { says: 'The range asked for lies outside the content.', todo: 'Ask for a range inside it.' },
  REQUEST_INVALID: {
    says: 'A parameter or the body of the request cannot be used.',
    todo: 'The answer names each problem.',
  },
  NOT_FOUND: { says: 'There is nothing at this address.', todo: 'Check the address.' },
  CONFLICT: {
    says: 'What was asked contradicts what is there, e.g. a name already taken.',
    todo: 'The answer names the conflict.',
  },
  UNSUPPORTED: { says: 'The mirror does not do this.', todo: 'Nothing; the message says what it does instead.' },
  UNAUTHORIZED: { says: 'The request needs a login, or the one given is wrong.', todo: 'Log in to the mirror.' },
  DENIED: {
    says: 'Refused: by a rule, or because the account may not.',
    todo: 'The answer names the rule and the reason.',
  },
  UPSTREAM_UNREACHABLE: {
    says: 'No connection to the upstream, or it was cut.',
    todo: 'The step-by-step test on the Upstreams page shows where it fails: DNS, TCP or TLS.',
  },
  UPSTREAM_TIMEOUT: {
    says: 'The upstream did not answer, or stopped sending, within its limit.',
    todo: "Try again; raise the upstream's timeouts if it is always slow.",
  },
  UPSTREAM_LIMITED: {
    says: "The upstream's rate limit is used up.",
    todo: 'Wait as long as `Retry-After` says, or add an account.',
  },
  UPSTREAM_UNAUTHORIZED: {
    says: 'The upstream wants a login, or refuses the one it was given.',
    todo: "Add or renew the upstream's account.",
  },
  UPSTREAM_REFUSED: {
    says: 'The upstream refuses this repository to this account.',
    todo: 'Use an account that may read it.',
  },
  UPSTREAM_INVALID: {
    says: 'The upstream answered something that is not the protocol.',
    todo: 'Check its URL; a login page or a proxy may be answering.',
  },
  UPSTREAM_FAILED: {
    says: 'The upstream answered with an error of its own.',
    todo: 'Try again later; its status page may say more.',
  },
  UPSTREAM_OFFLINE: {
    says: 'Not held, and the upstream is not asked: offline mode, or it is left alone after failures.',
    todo: 'Go online, or press Retry on the Upstreams page.',
  },
  UPSTREAM_FORBIDDEN_ADDRESS: {
    says: 'A public upstream pointed at a private address.',
    todo: 'If that is intended, set `allowPrivateRedirects` for this upstream.',
  },
  CONTENT_MISMATCH: {
    says: 'The bytes are not those the digest promised; nothing was kept and the transfer was cut.',
    todo: 'Try again; if it stays, the upstream or something on the way alters content.',
  },
  CONFIG_INVALID: {
    says: 'Settings or flags cannot be used; the command ends with exit code 2.',
    todo: 'The message names each problem.',
  },
  DATA_DIRECTORY_NEWER: {
    says: 'A newer version wrote this data directory.',
    todo: 'Use that version, or another `--data-dir`.',
  },
  DATA_DIRECTORY_IN_USE: {
    says: 'Another process uses this data directory.',
    todo: 'Stop it, or use another `--data-dir`.',
  },
  PORT_IN_USE: { says: 'The port is taken.', todo: 'Use the free one the message names, or stop what uses it.' },
  ADDRESS_UNAVAILABLE: {
    says: 'This machine does not have the address to listen on, or may not use the port.',
    todo: 'Use an address of this machine and a port above 1023.',
  },
  STORAGE_FULL: {
    says: 'The disk is full, or less is free than `freeSpaceFloor`.',
    todo: 'Free space or delete cached content; what is held is still served.',
  },
  STORAGE_FAILED: { says: 'The disk or the database refused.', todo: 'The log has the cause; check the disk.' },
  CANCELLED: { says: 'The work was stopped: the client left or the mirror is stopping.', todo: 'Nothing.' },
  INTERNAL: { says: 'A fault of the mirror itself.', todo: 'Report it with the request id; the log has it too.' },
};
