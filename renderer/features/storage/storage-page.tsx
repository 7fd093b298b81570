import { Page } from '../../components/page.tsx';
import { GcPanel } from './gc-panel.tsx';
import { LimitsPanel } from './limits-panel.tsx';
import { NextPanel } from './next-panel.tsx';
import { RetentionPanel } from './retention-panel.tsx';
import { ScrubPanel } from './scrub-panel.tsx';
import { SpacePanel } from './space-panel.tsx';

/** The disk: what fills it, what bounds it, and what tidies it. Each part is a section of its own. */
export function StoragePage() {
  return (
    <Page title="Storage" intro="What fills the disk, what bounds it, and what goes first when room is needed.">
      <SpacePanel />
      <LimitsPanel />
      <NextPanel />
      <RetentionPanel />
      <GcPanel />
      <ScrubPanel />
    </Page>
  );
}
