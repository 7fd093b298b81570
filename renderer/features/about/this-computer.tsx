import { useEffect, useState } from 'react';
import { Button, Checkbox } from '@mantine/core';
import { IconFolderOpen } from '@tabler/icons-react';
import type { StartAtLogin } from '../../../electron/desktop-api.ts';
import { ErrorNote } from '../../components/error-note.tsx';
import { Section } from '../../components/page.tsx';
import { desktop } from '../../desktop.ts';

/** What only the desktop app can do; nothing in a browser. */
export function ThisComputer() {
  const app = desktop();
  const [atLogin, setAtLogin] = useState<StartAtLogin>('unsupported');
  const [error, setError] = useState<unknown>(undefined);
  useEffect(() => {
    void desktop()?.getStartAtLogin().then(setAtLogin, setError);
  }, []);
  if (app === undefined) return null;
  return (
    <Section title="This computer">
      <div className="panel panel-body stack">
        {atLogin === 'unsupported' ? null : (
          <Checkbox
            label="Start Zhi Mirror when I log in"
            description="It starts in the tray, without this window."
            checked={atLogin === 'on'}
            onChange={(event) => {
              setError(undefined);
              void app.setStartAtLogin(event.currentTarget.checked).then(setAtLogin, setError);
            }}
          />
        )}
        <div>
          <Button
            variant="default"
            leftSection={<IconFolderOpen size={16} />}
            onClick={() => {
              void app.showDataDirectory().catch(setError);
            }}
          >
            Show the data directory
          </Button>
        </div>
        <ErrorNote error={error} />
      </div>
    </Section>
  );
}
