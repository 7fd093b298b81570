import { openAuditLog } from '../../../server/audit/audit-log.ts';
import { openDatabase } from '../../../server/db/database.ts';
import { systemClock } from '../../../server/lib/clock.ts';

/**
 * A process that records and can be killed: `recording-main.ts <file> <database> <prefix> <events>`. Says on standard
 * error how many it recorded, and when the first thousand are on disk; with 0 events it stays until it is ended.
 */
const [file = '-', databasePath = '', prefix = '', events = '0'] = process.argv.slice(2);
openDatabase(databasePath).close();
const log = await openAuditLog({
  file,
  databasePath,
  clock: systemClock,
  onError: ({ message }) => process.stderr.write(`error: ${message}\n`),
});
/**
 * Twice as many as a killer waits for. Without an end a loaded machine would record more than the queue holds, and what is
 * beyond it is written out of its order, and more than can be read back in the time of a test.
 */
const manyEvents = 8000;
const isKilled = Number(events) === 0;
const total = isKilled ? manyEvents : Number(events);
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
  if (isKilled && index === 999) {
    await log.flush();
    process.stderr.write('on disk 1000\n');
  }
}
if (isKilled) setInterval(() => undefined, 60_000);
else await log.close();
