import { statSync } from 'node:fs';
import type { UpstreamInput } from '../../config/schema.ts';
import { RequestError } from '../../errors.ts';
import type { Actor, Admin, Handlers } from '../call.ts';
import { recordChange } from '../change-record.ts';
import { InvalidInput } from '../problems.ts';
import { describeSettings, planZotImport, unsoundUpstreams } from '../zot-config-plan.ts';
import type { ZotPlan, ZotText } from '../zot-config-plan.ts';

/** A zot configuration becomes upstreams. Its passwords go in and never come out. */
export function zotRoutes(admin: Admin): Pick<Handlers, 'previewZotConfig' | 'importZotConfig'> {
  const { upstreams } = admin.parts;
  return {
    previewZotConfig: ({ body }) => plan(admin, body).preview,

    importZotConfig: async ({ body, actor }) => {
      if (upstreams.isLocked)
        throw new RequestError('DENIED', 'the upstreams are listed in the settings file; import into it and restart');
      const { inputs, preview } = plan(admin, body);
      if (preview.problems.length > 0) throw new InvalidInput(preview.problems);
      const chosen = choose(inputs, body.entries);
      const isThere = (input: UpstreamInput): boolean => upstreams.find(input.name) !== undefined;
      const skipped = chosen.filter(({ input, isReplaced }) => !isReplaced && isThere(input));
      const taken = chosen.filter((entry) => !skipped.includes(entry)).map(({ input }) => input);
      const replaced = taken.filter(isThere).map(({ name }) => name);
      const problems = unsoundUpstreams(
        taken,
        upstreams.list().map(({ settings }) => settings),
      );
      if (problems.length > 0) throw new InvalidInput(problems);
      if (taken.length > 0) await upstreams.putAll(taken);
      for (const input of taken) record(admin, actor, input, replaced.includes(input.name));
      return {
        added: taken.map(({ name }) => name).filter((name) => !replaced.includes(name)),
        replaced,
        skipped: skipped.map(({ input }) => input.name),
      };
    },
  };
}

function plan({ parts: { upstreams } }: Admin, text: ZotText): ZotPlan {
  const existing = upstreams.list().map(({ settings }) => settings);
  const { inputs, preview } = planZotImport(text, existing, { isDirectory });
  return { inputs, preview: { ...preview, locked: upstreams.isLocked } };
}

interface Choice {
  readonly name: string;
  readonly onConflict: 'replace' | 'skip';
}

/** The chosen upstreams in the file's order. @throws InvalidInput when one is not in the file */
function choose(
  inputs: readonly UpstreamInput[],
  choices: readonly Choice[],
): readonly { readonly input: UpstreamInput; readonly isReplaced: boolean }[] {
  const unknown = choices.filter(({ name }) => !inputs.some((input) => input.name === name));
  if (unknown.length > 0)
    throw new InvalidInput(
      unknown.map(({ name }) => `entries: the configuration has no registry that becomes ${name}`),
    );
  return inputs.flatMap((input) => {
    const choice = choices.find(({ name }) => name === input.name);
    return choice === undefined ? [] : [{ input, isReplaced: choice.onConflict === 'replace' }];
  });
}

function record({ parts }: Admin, actor: Actor, input: UpstreamInput, isReplaced: boolean): void {
  const account = input.accounts?.[0]?.username;
  const withAccount = account === undefined ? '' : `; account ${account}`;
  const how = isReplaced ? 'replaced' : 'added';
  recordChange(parts, actor, {
    event: 'config_change',
    subject: `upstream ${input.name}`,
    detail: `${how} from a zot configuration; ${describeSettings(input)}${withAccount}`,
  });
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
