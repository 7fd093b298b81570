import { useState } from 'react';
import type { SyntheticEvent } from 'react';
import { Button, Modal, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useCreateRepository, usePushInstructions } from '../../api/queries.ts';
import { asSentence } from '../../api/problem.ts';
import { ErrorNote } from '../../components/error-note.tsx';

const checkDelayMs = 200;

interface CreateRepositoryProps {
  readonly onClose: () => void;
  readonly onCreated: (repository: string) => void;
}

/** Makes a repository to push to; its name is checked by the rule that pushes are checked by. */
export function CreateRepository({ onClose, onCreated }: CreateRepositoryProps) {
  const [text, setText] = useState('');
  const name = text.trim();
  const [asked] = useDebouncedValue(name, checkDelayMs);
  const check = usePushInstructions(asked);
  const create = useCreateRepository();
  const isChecked = asked === name && check.data?.repository === name;
  const reason = isChecked ? check.data?.reason : undefined;
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (name === '') return;
    create.mutate(
      { body: { repository: name } },
      {
        onSuccess: ({ repository }) => {
          onCreated(repository);
        },
      },
    );
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title="Create a repository"
      centered
      closeButtonProps={{ 'aria-label': 'Close' }}
      transitionProps={{ duration: 0 }}
    >
      <form className="stack" onSubmit={submit}>
        <TextInput
          label="Name"
          description="Such as team/app. A push to a name that is not there yet makes it, too."
          placeholder="team/app"
          spellCheck={false}
          autoComplete="off"
          data-autofocus
          value={text}
          error={reason === undefined ? undefined : asSentence(reason)}
          onChange={(event) => {
            setText(event.currentTarget.value);
          }}
        />
        <ErrorNote error={create.error ?? check.error} />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending} disabled={name === '' || reason !== undefined}>
            Create
          </Button>
        </div>
      </form>
    </Modal>
  );
}
