import type { AuditEventName } from '../../server/audit/events.ts';

/** What an event records; a new event does not compile without its sentence. */
export const auditMeanings: Readonly<Record<AuditEventName, string>> = {
  artifact_pull: 'A client asked for a manifest, by tag or digest, with GET or HEAD.',
  blob_pull: 'A client asked for a blob.',
  artifact_push: 'A client wrote a manifest.',
  artifact_delete: 'A manifest, a tag or a repository was deleted.',
  config_change: 'A setting, an upstream or an account was changed; never with a secret in it.',
  mirror_start: 'The mirror started.',
  mirror_stop: 'The mirror stopped.',
};
