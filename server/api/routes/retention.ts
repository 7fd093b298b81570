import { RequestError } from '../../errors.ts';
import type { RetentionRule } from '../../config/schema.ts';
import type { RetentionReport } from '../../cache/retention.ts';
import { ruleSentence, writtenRule } from '../../storage/retention-words.ts';
import type { Admin, Handlers } from '../call.ts';
import { recordChange } from '../change-record.ts';
import type { RouteResponse } from '../contract.ts';
import type { AdminParts } from '../parts.ts';

/** The retention rules: what they say, what they would remove, and removing it. */
export function retentionRoutes({ parts }: Admin): Pick<Handlers, 'getRetention' | 'setRetention' | 'applyRetention'> {
  const { retention } = parts.housekeeping;
  return {
    getRetention: () => retentionView(parts),

    setRetention: ({ written, actor }) => {
      parts.live.set('retention', { rules: written.rules });
      const { sentences } = retentionView(parts);
      recordChange(parts, actor, {
        event: 'config_change',
        subject: 'retention rules',
        detail: sentences.length === 0 ? 'none: every tag stays' : sentences.join(' '),
      });
      return retentionView(parts);
    },

    applyRetention: async ({ body: { dryRun, rules }, actor }) => {
      const saved = parts.live.values.retention.rules;
      if (dryRun) return answer(rules ?? saved, await retention.preview(rules ?? saved));
      if (rules !== undefined)
        throw new RequestError('REQUEST_INVALID', 'rules are only previewed this way; save them first, then apply', {
          value: 'rules',
        });
      return answer(saved, await retention.apply(actor));
    },
  };
}

function retentionView({ live }: AdminParts): RouteResponse<'getRetention'> {
  const { rules } = live.values.retention;
  return { rules: rules.map(writtenRule), sentences: rules.map(ruleSentence), locked: live.isLocked('retention') };
}

function answer(rules: readonly RetentionRule[], report: RetentionReport): RouteResponse<'applyRetention'> {
  const { items, kept, warnings, ...figures } = report;
  return {
    ...figures,
    items: [...items],
    kept: [...kept],
    warnings: [...warnings],
    sentences: rules.map(ruleSentence),
  };
}
