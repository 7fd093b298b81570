import { useState } from 'react';
import type { ReactNode } from 'react';
import { ActionIcon } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconGripVertical, IconTrash } from '@tabler/icons-react';
import { moveItem } from './ordered.ts';
import styles from './upstreams.module.css';

interface OrderedListProps<T> {
  /** What is ordered: "Base URLs". */
  readonly label: string;
  /** One of them: "URL". */
  readonly noun: string;
  readonly items: readonly T[];
  readonly render: (item: T, index: number) => ReactNode;
  readonly onChange: (items: T[]) => void;
}

/** A list whose order matters: by buttons, by Alt and the arrow keys, and by dragging the handle. */
export function OrderedList<T>({ label, noun, items, render, onChange }: OrderedListProps<T>) {
  const [dragged, setDragged] = useState<number | undefined>(undefined);
  const [over, setOver] = useState<number | undefined>(undefined);
  const [said, setSaid] = useState('');
  const move = (from: number, to: number): void => {
    if (to < 0 || to >= items.length || from === to) return;
    onChange(moveItem(items, from, to));
    setSaid(`${noun} ${String(from + 1)} is now number ${String(to + 1)} of ${String(items.length)}`);
  };
  return (
    <>
      <ol className={styles['ordered']} aria-label={label}>
        {items.map((item, index) => (
          <li
            key={index}
            data-over={over === index}
            onKeyDown={(event) => {
              if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
              event.preventDefault();
              move(index, index + (event.key === 'ArrowUp' ? -1 : 1));
            }}
            onDragOver={(event) => {
              if (dragged === undefined) return;
              event.preventDefault();
              setOver(index);
            }}
            onDrop={(event) => {
              event.preventDefault();
              if (dragged !== undefined) move(dragged, index);
              setDragged(undefined);
              setOver(undefined);
            }}
          >
            <span
              className={styles['handle']}
              draggable
              title="Drag to reorder"
              aria-hidden="true"
              onDragStart={(event) => {
                event.dataTransfer.setData('text/plain', String(index));
                setDragged(index);
              }}
              onDragEnd={() => {
                setDragged(undefined);
                setOver(undefined);
              }}
            >
              <IconGripVertical size={16} />
            </span>
            {render(item, index)}
            <ItemButtons
              noun={`${noun} ${String(index + 1)}`}
              isFirst={index === 0}
              isLast={index === items.length - 1}
              onMove={(by) => {
                move(index, index + by);
              }}
              onRemove={() => {
                onChange(items.filter((_, position) => position !== index));
              }}
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

interface ItemButtonsProps {
  readonly noun: string;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly onMove: (by: 1 | -1) => void;
  readonly onRemove: () => void;
}

function ItemButtons({ noun, isFirst, isLast, onMove, onRemove }: ItemButtonsProps) {
  return (
    <>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={34}
        disabled={isFirst}
        aria-label={`Move ${noun} up`}
        onClick={() => {
          onMove(-1);
        }}
      >
        <IconArrowUp size={16} />
      </ActionIcon>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={34}
        disabled={isLast}
        aria-label={`Move ${noun} down`}
        onClick={() => {
          onMove(1);
        }}
      >
        <IconArrowDown size={16} />
      </ActionIcon>
      <ActionIcon variant="subtle" color="gray" size={34} aria-label={`Remove ${noun}`} onClick={onRemove}>
        <IconTrash size={16} />
      </ActionIcon>
    </>
  );
}
