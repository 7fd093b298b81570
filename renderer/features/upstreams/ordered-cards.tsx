import { useEffect, useRef, useState } from 'react';
import { ActionIcon } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import type { UpstreamView } from '../../../server/api/contract.ts';
import { useOrderUpstreams } from '../../api/queries.ts';
import { ErrorNote } from '../../components/error-note.tsx';
import { moveItem } from './ordered.ts';
import { UpstreamCard } from './upstream-card.tsx';
import styles from './upstreams.module.css';

type Step = 1 | -1;

interface OrderedCardsProps {
  /** All of them, in their order. */
  readonly upstreams: readonly UpstreamView[];
  /** How many are shown at most. */
  readonly shown: number;
  readonly isLocked: boolean;
}

/** The upstreams in their order, which buttons, and Alt with the arrow keys, change. */
export function OrderedCards({ upstreams, shown, isLocked }: OrderedCardsProps) {
  const { move, said, error } = useOrder(upstreams);
  const mayMove = !isLocked && upstreams.length > 1;
  return (
    <>
      {mayMove ? (
        <p className="muted small">
          Where content rules of several are about the same name, the first of them gets it. Move one with its arrows,
          or with Alt and the arrow keys.
        </p>
      ) : null}
      <ErrorNote error={error} />
      <ol className={styles['cards']} aria-label="Upstreams">
        {upstreams.slice(0, shown).map((upstream, index) => (
          <li
            key={upstream.name}
            onKeyDown={(event) => {
              if (!mayMove || !event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
              event.preventDefault();
              move(index, event.key === 'ArrowUp' ? -1 : 1, event.target);
            }}
          >
            <UpstreamCard
              upstream={upstream}
              order={
                mayMove ? (
                  <MoveButtons
                    name={upstream.name}
                    isFirst={index === 0}
                    isLast={index === upstreams.length - 1}
                    onMove={(by, button) => {
                      move(index, by, button);
                    }}
                  />
                ) : undefined
              }
            />
          </li>
        ))}
      </ol>
      <span role="status" className="visually-hidden">
        {said}
      </span>
    </>
  );
}

function useOrder(upstreams: readonly UpstreamView[]) {
  const [said, setSaid] = useState('');
  const ordering = useOrderUpstreams();
  const names = upstreams.map(({ name }) => name);
  const focused = useRef<EventTarget | null>(null);
  const order = names.join();
  // a card that is put elsewhere loses the focus
  useEffect(() => {
    if (focused.current instanceof HTMLElement) focused.current.focus();
    focused.current = null;
  }, [order]);
  const move = (from: number, by: Step, button: EventTarget): void => {
    const to = from + by;
    const name = names[from];
    if (name === undefined || to < 0 || to >= names.length || ordering.isPending) return;
    focused.current = button;
    ordering.mutate(
      { body: { names: moveItem(names, from, to) } },
      {
        onSuccess: () => {
          setSaid(`${name} is now number ${String(to + 1)} of ${String(names.length)}`);
        },
      },
    );
  };
  return { move, said, error: ordering.error };
}

interface MoveButtonsProps {
  readonly name: string;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly onMove: (by: Step, button: EventTarget) => void;
}

/** They stay reachable at both ends, so that whoever moves a card to the end keeps the focus. */
function MoveButtons({ name, isFirst, isLast, onMove }: MoveButtonsProps) {
  const steps = [
    { by: -1, label: `Move ${name} up`, isEnd: isFirst, icon: <IconArrowUp size={16} /> },
    { by: 1, label: `Move ${name} down`, isEnd: isLast, icon: <IconArrowDown size={16} /> },
  ] as const;
  return steps.map(({ by, label, isEnd, icon }) => (
    <ActionIcon
      key={label}
      variant="subtle"
      color="gray"
      size={26}
      aria-label={label}
      aria-disabled={isEnd}
      {...(isEnd ? { 'data-disabled': true } : {})}
      onClick={(event) => {
        if (!isEnd) onMove(by, event.currentTarget);
      }}
    >
      {icon}
    </ActionIcon>
  ));
}
