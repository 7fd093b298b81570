import type { RouteResponse } from '../../../server/api/contract.ts';

const forwarders: RouteResponse<'getForwarders'>['forwarders'] = [
  {
    name: 'siem',
    type: 'syslog',
    target: 'tls://logs.example.org:6514',
    seq: 48_211,
    linesBehind: 0,
    bytesBehind: 0,
    queueLimit: 2 ** 30,
    skipped: 0,
    isTroubled: false,
  },
];

const key = {
  fingerprint: '5f'.repeat(32),
  pem: '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA…\n-----END PUBLIC KEY-----\n',
  createdAt: 0,
};

const verification: RouteResponse<'verifyAudit'> = {
  ok: true,
  files: [{ path: '/data/audit/audit.jsonl', lines: 48_211, notChained: 0, firstSeq: 1, lastSeq: 48_211 }],
  lines: 48_211,
  notChained: 0,
  checkpoints: 12,
  unsigned: 3,
  firstSeq: 1,
  lastSeq: 48_211,
  keys: [{ fingerprint: key.fingerprint, checkpoints: 12, isKnown: true }],
  problems: [],
  problemsTotal: 0,
};

/** What proves the log, as a mirror with one receiver tells it. */
export const auditAnswers = {
  getAuditProof: (): RouteResponse<'getAuditProof'> => ({ lastSeq: 48_211, key }),
  verifyAudit: (): RouteResponse<'verifyAudit'> => verification,
  getForwarders: (): RouteResponse<'getForwarders'> => ({ forwarders }),
  testForwarder: (): RouteResponse<'testForwarder'> => ({ ok: true, durationMs: 12 }),
};
