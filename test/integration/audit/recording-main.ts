import { openAuditLog } from '../../../server/audit/audit-log.ts';
import { openDatabase } from '../../../server/db/database.ts';
import { systemClock } from '../../../server/lib/clock.ts';

/**
 * A process that records and can be killed: `recording-main.ts <file> <database> <prefix> <events>`. Says on standard
 * error how many it recorded; with 0 events it goes on until it is ended.
 */
const [file = '-', databasePath = '', prefix = '', events = '0'] = process.argv.slice(2);
openDatabase(databasePath).close();
const log = await openAuditLog({
  file,
  databasePath,
  clock: systemClock,
  onError: ({ message }) => process.stderr.write(`error: ${message}\n`),
});
const total = Number(events) === 0 ? Number.POSITIVE_INFINITY : Number(events);
for (let index = 0; index < total; index += 1) {
  log.record({
    event: 'blob_pull',
    at: systemClock.now(),
    artifact: `up.test/library/app@sha256:${String(index).padStart(64, '0')}`,
    clientIp: '127.0.0.1',
    cached: true,
    outcome: 'hit',
    requestId: `${prefix}${String(index)}`,
  });
  if (index % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
  if (index % 1000 === 999) process.stderr.write(`recorded ${String(index + 1)}\n`);
}
await log.close();
