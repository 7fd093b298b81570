import { useState } from 'react';
import { Button } from '@mantine/core';
import { useNavigate } from 'react-router';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { useImportZotConfig, usePreviewZotConfig, useUpstreams } from '../../api/queries.ts';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { Page, Section } from '../../components/page.tsx';
import { formatPlural } from '../../format.ts';
import { TextSource } from './text-source.tsx';
import { NotHonoured, ZotEntry } from './zot-entry.tsx';
import styles from './zot-import.module.css';

type Preview = RouteResponse<'previewZotConfig'>;

const nothing = { content: '', credentials: '' };

/** From the text of a zot configuration over what it becomes to the upstreams that were chosen. */
export function ZotImportPage() {
  const [text, setText] = useState(nothing);
  const preview = usePreviewZotConfig();
  const importing = useImportZotConfig();
  const upstreams = useUpstreams();
  const isLocked = upstreams.data?.locked === true;
  const change = (part: Partial<typeof nothing>): void => {
    setText({ ...text, ...part });
    preview.reset();
    importing.reset();
  };
  const take = (names: ReadonlySet<string>): void => {
    const entries = [...names].map((name) => ({ name, onConflict: 'replace' as const }));
    // the text may hold passwords: it does not outlive the import
    importing.mutate({ body: { ...text, entries } }, { onSuccess: () => setText(nothing) });
  };
  return (
    <Page
      title="Import from zot"
      intro="The registries of a zot configuration become upstreams. Nothing changes before you import."
    >
      {isLocked ? (
        <Note tone="info">
          The settings file lists the upstreams, so none can be imported in this window; what they would be can be
          looked at.
        </Note>
      ) : null}
      {importing.data === undefined ? (
        <>
          <Source
            text={text}
            isReading={preview.isPending}
            onChange={change}
            onRead={() => {
              preview.mutate({ body: text });
            }}
          />
          <ErrorNote error={preview.error} />
          {preview.data === undefined ? null : (
            <Choice
              key={preview.submittedAt}
              preview={preview.data}
              isImporting={importing.isPending}
              error={importing.error}
              onImport={take}
            />
          )}
        </>
      ) : (
        <Result result={importing.data} />
      )}
    </Page>
  );
}

interface SourceProps {
  readonly text: typeof nothing;
  readonly isReading: boolean;
  readonly onChange: (part: Partial<typeof nothing>) => void;
  readonly onRead: () => void;
}

function Source({ text, isReading, onChange, onRead }: SourceProps) {
  return (
    <form
      className="panel panel-body stack"
      onSubmit={(event) => {
        event.preventDefault();
        onRead();
      }}
    >
      <div className={styles['sources']}>
        <TextSource
          label="Configuration"
          description="Paste it, drop the file here, or choose it. A piece of a file is enough."
          rows={12}
          kind="a zot configuration"
          value={text.content}
          onChange={(content) => {
            onChange({ content });
          }}
        />
        <TextSource
          label="Credentials (credentialsFile), if it has any"
          description="Passwords are sealed on this mirror and never shown again."
          rows={6}
          kind="a credentials file"
          value={text.credentials}
          onChange={(credentials) => {
            onChange({ credentials });
          }}
        />
      </div>
      <div>
        <Button type="submit" loading={isReading} disabled={text.content.trim() === ''}>
          Show what it becomes
        </Button>
      </div>
    </form>
  );
}

interface ChoiceProps {
  readonly preview: Preview;
  readonly isImporting: boolean;
  readonly error: unknown;
  readonly onImport: (names: ReadonlySet<string>) => void;
}

function Choice({ preview, isImporting, error, onImport }: ChoiceProps) {
  const { entries, problems, locked } = preview;
  // what replaces something is never chosen beforehand
  const [chosen, setChosen] = useState<ReadonlySet<string>>(
    () => new Set(entries.filter(({ conflict }) => conflict === undefined).map(({ name }) => name)),
  );
  const choose = (name: string, isChosen: boolean): void => {
    setChosen(new Set([...[...chosen].filter((other) => other !== name), ...(isChosen ? [name] : [])]));
  };
  const mayImport = problems.length === 0 && !locked;
  return (
    <Section title="What it becomes">
      <div role="status" className="stack-small">
        <Findings preview={preview} />
      </div>
      <ul className={styles['entries']} aria-label="Registries">
        {entries.map((entry) => (
          <ZotEntry
            key={entry.name}
            entry={entry}
            isLocked={!mayImport}
            isChosen={mayImport && chosen.has(entry.name)}
            onChoose={(isChosen) => {
              choose(entry.name, isChosen);
            }}
          />
        ))}
      </ul>
      <ErrorNote error={error} />
      <div>
        <Button
          disabled={!mayImport || chosen.size === 0}
          loading={isImporting}
          onClick={() => {
            onImport(chosen);
          }}
        >
          {chosen.size === 0 ? 'Import' : `Import ${formatPlural(chosen.size, 'upstream', 'upstreams')}`}
        </Button>
      </div>
    </Section>
  );
}

function Findings({ preview: { problems, warnings, notHonoured } }: { readonly preview: Preview }) {
  return (
    <>
      {problems.length === 0 ? null : (
        <Note tone="bad">
          It can’t be imported:
          <List items={problems} />
        </Note>
      )}
      {warnings.length === 0 ? null : (
        <Note tone="warn">
          Read another way than it is written:
          <List items={warnings} />
        </Note>
      )}
      {notHonoured.length === 0 ? null : <NotHonoured items={notHonoured} />}
    </>
  );
}

function List({ items }: { readonly items: readonly string[] }) {
  return (
    <ul>
      {items.map((item) => (
        <li key={item}>{item}</li>
      ))}
    </ul>
  );
}

function Result({ result: { added, replaced, skipped } }: { readonly result: RouteResponse<'importZotConfig'> }) {
  const navigate = useNavigate();
  return (
    <div className="panel panel-body stack">
      <div role="status" className="stack-small">
        {added.length === 0 ? null : <Note tone="ok">Added: {added.join(', ')}</Note>}
        {replaced.length === 0 ? null : <Note tone="ok">Replaced: {replaced.join(', ')}</Note>}
        {skipped.length === 0 ? null : <Note tone="info">Left as they are: {skipped.join(', ')}</Note>}
        <p className="muted">Clients can pull through them now. The text with its passwords was forgotten.</p>
      </div>
      <div>
        <Button autoFocus onClick={() => void navigate('/upstreams')}>
          Show the upstreams
        </Button>
      </div>
    </div>
  );
}
