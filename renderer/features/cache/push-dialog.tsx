import { Modal } from '@mantine/core';
import { useSearchParams } from 'react-router';
import { usePushInstructions } from '../../api/queries.ts';
import { Command } from '../../components/command.tsx';
import { ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { Note } from '../../components/error-note.tsx';
import styles from './cache.module.css';

/** How to push to a repository; which one stands in the address. */
export function PushDialog() {
  const [search, setSearch] = useSearchParams();
  const repository = search.get('push');
  return (
    <Modal
      opened={repository !== null}
      onClose={() => {
        setSearch({});
      }}
      size={760}
      title={repository === null ? '' : `Push to ${repository}`}
      centered
      closeButtonProps={{ 'aria-label': 'Close' }}
      transitionProps={{ duration: 0 }}
    >
      {repository === null ? null : <Instructions repository={repository} />}
    </Modal>
  );
}

function Instructions({ repository }: { readonly repository: string }) {
  const { data, isPending, error, refetch } = usePushInstructions(repository);
  if (isPending) return <LoadingState label="Working out the commands" />;
  if (data === undefined)
    return <ErrorState title="The commands could not be read" error={error} onRetry={() => void refetch()} />;
  if (!data.isAllowed) return <Note tone="warn">{data.reason ?? 'Nothing can be pushed there.'}</Note>;
  if (data.commands.length === 0)
    return <Note tone="warn">Clients can&apos;t reach the mirror now: it does not listen. Start serving first.</Note>;
  return (
    <div className="stack-small">
      <p>Put your own content in place of the names before the address.</p>
      <div className={styles['commands']}>
        {data.commands.map(({ tool, command }) => (
          <PushCommand key={tool} tool={tool} command={command} />
        ))}
      </div>
      <p className="muted small">buildah keeps and finds the layers of its builds there.</p>
    </div>
  );
}

function PushCommand({ tool, command }: { readonly tool: string; readonly command: string }) {
  return (
    <>
      <span className="muted small">{tool}</span>
      <Command text={command} what={`${tool} command`} />
    </>
  );
}
