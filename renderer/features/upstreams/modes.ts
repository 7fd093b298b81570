import type { UpstreamInput } from '../../api/queries.ts';

export type Mode = NonNullable<UpstreamInput['mode']>;

/** What each mode is called and what it does, in words. */
export const modes: readonly { readonly value: Mode; readonly title: string; readonly about: string }[] = [
  {
    value: 'check',
    title: 'Check',
    about:
      'When a tag’s time is over, ask the upstream whether it moved. Always current; costs one small request per tag and time.',
  },
  {
    value: 'prefer-cache',
    title: 'Prefer cache',
    about: 'Serve what is held without asking; ask only for what is not held. Tags do not move until you refresh them.',
  },
  {
    value: 'offline',
    title: 'Offline',
    about: 'Never ask this upstream. What is held is served; everything else is refused with the reason.',
  },
];

/** Name of a mode for lists. */
export function modeTitle(mode: Mode): string {
  return modes.find((one) => one.value === mode)?.title ?? mode;
}

/** What a mode and TTL mean together, in one line. */
export function modeSentence(mode: Mode, ttl: string): string {
  if (mode === 'offline') return 'never asked';
  if (mode === 'prefer-cache') return 'asked only for what is not held';
  return `tags are asked for again after ${ttl}`;
}
