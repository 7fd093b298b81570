/** What each audit event is called. The names on the left are the audit's own. */
export const eventNames: Readonly<Record<string, string>> = {
  artifact_pull: 'Pull of a manifest',
  blob_pull: 'Pull of a blob',
  artifact_push: 'Push',
  artifact_delete: 'Deletion',
  config_change: 'Change of settings',
  mirror_start: 'Mirror started',
  mirror_stop: 'Mirror stopped',
};
