import { loadSettings } from '../../../../server/config/load.ts';
import type { LoadOptions } from '../../../../server/config/load.ts';
import type { Settings } from '../../../../server/config/schema.ts';
import { ConfigError } from '../../../../server/errors.ts';

/** What a person gives; nothing by default. */
export interface Given extends Partial<LoadOptions> {
  /** Text of /etc/zhi/m.yaml, given as --settings. */
  readonly yaml?: string;
}

/** Settings as `ann` gets them in /work. */
export function load({ yaml, ...options }: Given = {}): Settings {
  const file = yaml === undefined ? {} : { settingsFile: '/etc/zhi/m.yaml', readFile: () => yaml };
  return loadSettings({ flags: {}, env: { HOME: '/home/ann' }, cwd: '/work', ...file, ...options }).settings;
}

/** The problems a person is told, none when the settings are fine. */
export function problemsOf(given: Given): readonly string[] {
  try {
    load(given);
  } catch (error) {
    if (error instanceof ConfigError && error.code === 'CONFIG_INVALID') return error.problems;
    throw error;
  }
  return [];
}
