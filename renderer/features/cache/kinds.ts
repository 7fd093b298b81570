import type { ManifestRow } from '../../../server/api/contract.ts';

/** What a manifest is, in a word. */
export const kindNames: Readonly<Record<ManifestRow['kind'], string>> = {
  index: 'Index (several platforms)',
  image: 'Image',
  artifact: 'Artifact',
  chart: 'Helm chart',
  signature: 'Signature',
};
