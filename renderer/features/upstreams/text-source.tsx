import { useState } from 'react';
import { Button, FileButton, Textarea } from '@mantine/core';
import { Note } from '../../components/error-note.tsx';
import styles from './upstreams.module.css';

interface TextSourceProps {
  readonly label: string;
  readonly description: string;
  readonly rows: number;
  readonly value: string;
  /** What a file of this kind is called, when one is too big. */
  readonly kind: string;
  readonly onChange: (text: string) => void;
}

/** Anything bigger is another file. */
const sizeLimit = 900_000;

/** The text of a file: pasted, dropped or chosen. */
export function TextSource({ label, description, rows, value, kind, onChange }: TextSourceProps) {
  const [isOver, setIsOver] = useState(false);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const read = (file: File | null | undefined): void => {
    if (file === null || file === undefined) return;
    setProblem(file.size > sizeLimit ? `${file.name} is too big to be ${kind}.` : undefined);
    if (file.size <= sizeLimit) void file.text().then(onChange);
  };
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
        read(event.dataTransfer.files[0]);
      }}
    >
      <Textarea
        label={label}
        description={description}
        autosize={false}
        rows={rows}
        spellCheck={false}
        autoComplete="off"
        value={value}
        onChange={(event) => {
          onChange(event.currentTarget.value);
        }}
      />
      <div>
        <FileButton onChange={read} accept="application/json,.json">
          {(props) => (
            <Button {...props} variant="default" size="compact-sm" aria-label={`Choose file: ${label}`}>
              Choose file
            </Button>
          )}
        </FileButton>
      </div>
      {problem === undefined ? null : <Note tone="bad">{problem}</Note>}
    </div>
  );
}
