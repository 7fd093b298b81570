import type { ReactElement } from 'react';

/** What a mark says. Each has its own outline, so that it reads without colour, in print and in forced colours. */
export type ShapeName =
  | 'disc' // running, hit, healthy
  | 'ring' // stopped, unknown
  | 'arrow' // working, fetched from upstream
  | 'clock' // stale
  | 'triangle' // attention, failing
  | 'octagon' // failed
  | 'bar' // denied
  | 'pause' // circuit open
  | 'tick' // done
  | 'info';

const outlines: Readonly<Record<ShapeName, ReactElement>> = {
  disc: <circle cx="8" cy="8" r="5.5" fill="currentColor" />,
  ring: <circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" strokeWidth="2" strokeDasharray="2.6 1.9" />,
  arrow: (
    <>
      <circle cx="8" cy="8" r="7" fill="currentColor" />
      <path d="M8 3.8v6.6M5 7.8l3 3 3-3" fill="none" stroke="var(--mark-inside)" strokeWidth="1.8" />
    </>
  ),
  clock: (
    <>
      <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="2" />
      <path d="M8 4.8V8l2.2 1.6" fill="none" stroke="currentColor" strokeWidth="1.8" />
    </>
  ),
  triangle: (
    <>
      <path d="M8 1.4 15.4 14.4H.6Z" fill="currentColor" />
      <path d="M8 5.8v4M8 11.4v1.5" stroke="var(--mark-inside)" strokeWidth="1.8" />
    </>
  ),
  octagon: (
    <>
      <path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1Z" fill="currentColor" />
      <path d="m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2" stroke="var(--mark-inside)" strokeWidth="1.8" />
    </>
  ),
  bar: (
    <>
      <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="2" />
      <path d="m3.9 12.1 8.2-8.2" stroke="currentColor" strokeWidth="2" />
    </>
  ),
  pause: (
    <>
      <rect x="1.5" y="1.5" width="13" height="13" rx="2.5" fill="currentColor" />
      <path d="M6 5v6M10 5v6" stroke="var(--mark-inside)" strokeWidth="1.9" />
    </>
  ),
  tick: <path d="m2.6 8.6 3.7 3.7 7.1-8" fill="none" stroke="currentColor" strokeWidth="2.4" />,
  info: (
    <>
      <circle cx="8" cy="8" r="7" fill="currentColor" />
      <path d="M8 7.2v4.6M8 4.1v1.6" stroke="var(--mark-inside)" strokeWidth="1.9" />
    </>
  ),
};

/** A 16-unit mark in the text's colour; the words next to it say the same, so it is hidden from screen readers. */
export function Shape({ name, size = 14 }: { readonly name: ShapeName; readonly size?: number }) {
  return (
    <svg viewBox="0 0 16 16" width={size} height={size} aria-hidden="true" focusable="false" className="shape">
      {outlines[name]}
    </svg>
  );
}
