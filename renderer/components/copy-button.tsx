import { useEffect, useState } from 'react';
import { ActionIcon, Button } from '@mantine/core';
import { IconCheck, IconCopy, IconX } from '@tabler/icons-react';
import { copyText } from '../desktop.ts';

/** How long the button says that it worked. */
const shownMs = 2000;

type Result = 'idle' | 'copied' | 'failed';

interface CopyButtonProps {
  readonly text: string;
  /** What is copied, for its name: "Copy address". */
  readonly what: string;
  /** Show the words next to the icon. */
  readonly withWords?: boolean;
}

/** Copies `text` and says so, in words, to everybody. */
export function CopyButton({ text, what, withWords = false }: CopyButtonProps) {
  const [result, copy] = useCopy(text);
  const name = `Copy ${what}`;
  const icon =
    result === 'copied' ? <IconCheck size={15} /> : result === 'failed' ? <IconX size={15} /> : <IconCopy size={15} />;
  return (
    <>
      {withWords ? (
        <Button size="compact-sm" variant="default" leftSection={icon} onClick={copy}>
          {result === 'copied' ? 'Copied' : name}
        </Button>
      ) : (
        <ActionIcon size={26} variant="subtle" color="gray" aria-label={name} title={name} onClick={copy}>
          {icon}
        </ActionIcon>
      )}
      <span role="status" className="visually-hidden">
        {result === 'copied' ? `${what} copied` : result === 'failed' ? `${what} could not be copied` : ''}
      </span>
    </>
  );
}

function useCopy(text: string): readonly [Result, () => void] {
  const [result, setResult] = useState<Result>('idle');
  useEffect(() => {
    if (result === 'idle') return undefined;
    const timer = window.setTimeout(() => {
      setResult('idle');
    }, shownMs);
    return () => {
      window.clearTimeout(timer);
    };
  }, [result]);
  const copy = (): void => {
    void copyText(text).then((copied) => {
      setResult(copied ? 'copied' : 'failed');
    });
  };
  return [result, copy];
}
