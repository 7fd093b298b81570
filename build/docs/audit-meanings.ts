import type { AuditEventName } from '../../server/audit/events.ts';

/** What an event records; a new event does not compile without its sentence. */
export const auditMeanings: Readonly<Record<AuditEventName, string>> = {
  artifact_pull: 'A client asked for a manifest, by tag or digest, with GET or HEAD.',
  blob_pull: 'A client asked for a blob.',
  artifact_push: 'A client wrote a manifest.',
  artifact_delete: 'A manifest, a tag or a repository was deleted.',
  artifact_restore: 'What was deleted was brought back.',
  tag_rollback:
    'A person put a tag back where it pointed before, or let it follow its upstream again; `digest` is where it points.',
  artifact_import: 'Content of a repository was taken over from a folder; `detail` says from where and how much.',
  config_change: 'A setting, an upstream or an account was changed; never with a secret in it.',
  mirror_start: 'The mirror started.',
  mirror_stop: 'The mirror stopped.',
  audit_gap: 'Events could not be recorded, because the disk refused and the queue was full; `detail` says how many.',
  blob_damaged: 'A stored blob or manifest was found damaged and set aside; `detail` says how, and who held it.',
  blob_repaired: 'Damaged content is whole again: fetched from its upstream or pushed, and proved.',
  audit_checkpoint: 'All lines up to here are signed with the key of the mirror.',
  audit_retention:
    'Files of the log were deleted after their time; `through` and `through_hash` are the last line that is gone, signed.',
  audit_truncated:
    'The log ended before a line that had been signed: somebody cut it short; `detail` says which lines are missing.',
  audit_forward_gap: 'A receiver of the log was away for too long, so it misses lines; `detail` says which.',
  audit_forward_test: 'A person sent a test event to a receiver of the log.',
};
