/** What each audit event is called. The names on the left are the audit's own. */
export const eventNames: Readonly<Record<string, string>> = {
  artifact_pull: 'Pull of a manifest',
  blob_pull: 'Pull of a blob',
  artifact_push: 'Push',
  artifact_delete: 'Deletion',
  artifact_restore: 'Undone deletion',
  tag_rollback: 'Rollback of a tag',
  artifact_import: 'Import',
  config_change: 'Change of settings',
  mirror_start: 'Mirror started',
  mirror_stop: 'Mirror stopped',
  audit_gap: 'Events lost',
  blob_damaged: 'Damage found',
  blob_repaired: 'Damage repaired',
};
