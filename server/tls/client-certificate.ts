import { statSync } from 'node:fs';
import type { UpstreamTlsSettings } from '../config/schema.ts';
import { unreadableReason } from '../lib/text-file.ts';
import { readAuthorities, readKeyPair } from './key-pair.ts';
import type { TlsProblem } from './key-pair.ts';

/** Everything that keeps the certificates for an upstream from being used, each about one setting of `tls`. */
export function clientTlsProblems(settings: UpstreamTlsSettings): readonly TlsProblem[] {
  return [
    ...readKeyPair(settings).problems,
    ...readAuthorities('ca', settings.ca).problems,
    ...directoryProblems(settings.certDirectory),
  ];
}

function directoryProblems(path: string): readonly TlsProblem[] {
  if (path === '') return [];
  try {
    return statSync(path).isDirectory()
      ? []
      : [{ setting: 'certDirectory', message: `${path} is a file, not a folder` }];
  } catch (error) {
    return [{ setting: 'certDirectory', message: `${path} ${unreadableReason(error)}` }];
  }
}
