import { ConfigError } from '../errors.ts';
import { withAdmin } from './admin-call.ts';
import type { CliIo, CommandLine } from './io.ts';
import { readNamedContent, storedName } from './stored-name.ts';

/** `zhi-mirror restore REPOSITORY[:TAG|@DIGEST]`: undoes a deletion while its content is kept. */
export async function restore(line: CommandLine, io: CliIo): Promise<number> {
  if (line.problems.length > 0) throw new ConfigError(line.problems);
  const { repository, reference } = readNamedContent(line.words[0] ?? '');
  const restored = await withAdmin(line, io, async (admin) =>
    admin.call('restoreDeleted', {
      body: { repository: await storedName(admin, repository), ...(reference === undefined ? {} : { reference }) },
    }),
  );
  const { tags, manifests } = restored;
  if (line.isJson) io.out(JSON.stringify(restored, undefined, 2));
  else {
    for (const tag of tags) io.out(`${restored.repository}:${tag}`);
    io.out(`${count(tags.length, 'tag')} and ${count(manifests, 'manifest')} restored.`);
  }
  return 0;
}

function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
}
