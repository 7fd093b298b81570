import { RequestError } from '../../errors.ts';
import { parseRepositoryName } from '../../oci/reference.ts';
import { writableName } from '../../registry/push-rule.ts';
import type { PushRule } from '../../registry/push-rule.ts';
import type { Admin, Handlers } from '../call.ts';
import { recordChange } from '../change-record.ts';
import type { AdminParts } from '../parts.ts';
import { pushCommands } from '../push-commands.ts';

/** Repositories of this mirror's own: making one, and how to push to it. */
export function repositoryRoutes({ parts }: Admin): Pick<Handlers, 'createRepository' | 'getPushInstructions'> {
  const rule = pushRuleOf(parts);
  return {
    createRepository: ({ body, actor }) => {
      const repository = writableName(rule, { repository: parseRepositoryName(body.repository) });
      const created = parts.repositories.make(repository, parts.clock.now());
      if (created) {
        recordChange(parts, actor, { event: 'config_change', subject: repository, detail: 'repository created' });
        parts.control.contentChanged(repository);
      }
      return { repository, created };
    },

    getPushInstructions: ({ query: { repository } }) => {
      const reason = whyNot(rule, repository);
      const commands = reason === undefined ? pushCommands(repository, parts.control.status()) : [];
      return { repository, isAllowed: reason === undefined, reason, commands };
    },
  };
}

/** The registry's own rule: what it would refuse is not offered. */
function pushRuleOf({ namespaces, settings, repositories }: AdminParts): PushRule {
  return {
    namespaces,
    patterns: settings.push.repositories,
    holdsContent: (name) => repositories.holdsContent(name),
    upstreamOf: (name) => repositories.find(name)?.upstream,
  };
}

function whyNot(rule: PushRule, repository: string): string | undefined {
  try {
    writableName(rule, { repository: parseRepositoryName(repository) });
    return undefined;
  } catch (error) {
    if (error instanceof RequestError) return error.message;
    throw error;
  }
}
