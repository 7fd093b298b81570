import { useState } from 'react';
import { Button, FileButton, Modal, Textarea } from '@mantine/core';
import type { RouteResponse } from '../../../server/api/contract.ts';
import { useImportDockerConfig } from '../../api/queries.ts';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import styles from './upstreams.module.css';

interface DockerImportProps {
  readonly opened: boolean;
  readonly onClose: () => void;
}

/** A config.json is a few kilobytes; anything this big is another file. */
const sizeLimit = 1_000_000;

/** Takes logins over from Docker's config.json, pasted, dropped or chosen. */
export function DockerImport({ opened, onClose }: DockerImportProps) {
  const [content, setContent] = useState('');
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const importing = useImportDockerConfig();
  const close = (): void => {
    // The text holds passwords: it does not outlive the dialog.
    setContent('');
    setProblem(undefined);
    importing.reset();
    onClose();
  };
  const read = (file: File | null | undefined): void => {
    if (file === null || file === undefined) return;
    setProblem(file.size > sizeLimit ? `${file.name} is too big to be a config.json.` : undefined);
    if (file.size <= sizeLimit) void file.text().then(setContent);
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title="Import Docker logins"
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
      transitionProps={{ duration: 0 }}
    >
      <div className="stack">
        <p className="muted">
          Docker keeps logins in <code>~/.docker/config.json</code>. Logins kept by a credential helper are not in the
          file; they are named as skipped.
        </p>
        <DropArea content={content} onContent={setContent} onFile={read} />
        {problem === undefined ? null : <Note tone="bad">{problem}</Note>}
        <ErrorNote error={importing.error} />
        {importing.data === undefined ? null : <ImportResult result={importing.data} />}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={close}>
            {importing.data === undefined ? 'Cancel' : 'Done'}
          </Button>
          <Button
            disabled={content.trim() === ''}
            loading={importing.isPending}
            onClick={() => {
              importing.mutate({ body: { content } });
            }}
          >
            Import
          </Button>
        </div>
      </div>
    </Modal>
  );
}

interface DropAreaProps {
  readonly content: string;
  readonly onContent: (content: string) => void;
  readonly onFile: (file: File | null | undefined) => void;
}

function DropArea({ content, onContent, onFile }: DropAreaProps) {
  const [isOver, setIsOver] = useState(false);
  return (
    <div
      className={styles['drop']}
      data-over={isOver}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => {
        setIsOver(false);
      }}
      onDrop={(event) => {
        event.preventDefault();
        setIsOver(false);
        onFile(event.dataTransfer.files[0]);
      }}
    >
      <Textarea
        label="Content of config.json"
        description="Paste it, drop the file here, or choose it."
        autosize={false}
        rows={7}
        spellCheck={false}
        autoComplete="off"
        data-autofocus
        value={content}
        onChange={(event) => {
          onContent(event.currentTarget.value);
        }}
      />
      <div>
        <FileButton onChange={onFile} accept="application/json,.json">
          {(props) => (
            <Button {...props} variant="default" size="compact-sm">
              Choose file
            </Button>
          )}
        </FileButton>
      </div>
    </div>
  );
}

function ImportResult({ result }: { readonly result: RouteResponse<'importDockerConfig'> }) {
  return (
    <div className="stack-small" role="status">
      <Note tone={result.imported.length === 0 ? 'warn' : 'ok'}>
        {result.imported.length === 0 ? 'No login was imported.' : `Imported: ${result.imported.join(', ')}`}
      </Note>
      {result.skipped.length === 0 ? null : (
        <ul>
          {result.skipped.map((one) => (
            <li key={one.host}>
              <strong>{one.host}</strong> skipped: {one.reason}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
