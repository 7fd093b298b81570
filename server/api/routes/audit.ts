import type { Admin, Handlers } from '../call.ts';

/** What was asked of the mirror: the live list and the search. */
export function auditRoutes({ parts }: Admin): Pick<Handlers, 'listRequests' | 'searchAudit'> {
  return {
    listRequests: ({ query: { limit } }) => ({ requests: parts.audit.recent(limit) }),

    searchAudit: async ({ query }) => {
      const { rows, next } = await parts.audit.search(query);
      return { rows, next };
    },
  };
}
