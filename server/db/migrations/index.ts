import { migration0001 } from './0001-first.ts';
import { migration0002 } from './0002-inventory.ts';
import { migration0003 } from './0003-uploads.ts';
import { migration0004 } from './0004-quota-history.ts';
import { migration0005 } from './0005-keeping.ts';
import { migration0006 } from './0006-history.ts';
import { migration0007 } from './0007-eviction-order.ts';
import { migration0008 } from './0008-audit-chain.ts';
import { migration0009 } from './0009-volumes.ts';

/** In order; the position (from 1) is the database's `user_version`. Never edited once released, only appended. */
export const migrations: readonly string[] = [
  migration0001,
  migration0002,
  migration0003,
  migration0004,
  migration0005,
  migration0006,
  migration0007,
  migration0008,
  migration0009,
];
