import { useEffect, useId, useRef } from 'react';
import type { ReactNode, RefObject } from 'react';
import { useLocation } from 'react-router';
import styles from './page.module.css';

interface PageProps {
  readonly title: string;
  readonly intro?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A screen: its one h1, which takes the focus when the route changes, and its content. */
export function Page({ title, intro, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Zhi Mirror`;
  }, [title]);
  useFocusAfterNavigation(heading);
  return (
    <div className={styles['page']}>
      <div className={styles['head']}>
        <div>
          <h1 tabIndex={-1} ref={heading}>
            {title}
          </h1>
          {intro === undefined ? null : <p className={styles['intro']}>{intro}</p>}
        </div>
        {actions === undefined ? null : <div className={styles['actions']}>{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** The path shown last, and whether it was reached by navigation; there is one window. */
let shownPath: string | undefined;
let hasNavigated = false;

/**
 * After a change of page the focus is on its heading, so that keyboard and screen reader go on from there; also when the
 * heading is replaced because the page's content arrived. The first page leaves the focus to the browser.
 */
function useFocusAfterNavigation(heading: RefObject<HTMLHeadingElement | null>): void {
  const { pathname } = useLocation();
  useEffect(() => {
    const isNew = shownPath !== undefined && shownPath !== pathname;
    shownPath = pathname;
    hasNavigated ||= isNew;
    if (isNew) window.scrollTo({ top: 0 });
    if (isNew || (hasNavigated && document.activeElement === document.body))
      heading.current?.focus({ preventScroll: true });
  }, [heading, pathname]);
}

interface SectionProps {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** A named part of a page. */
export function Section({ title, aside, children }: SectionProps) {
  const id = useId();
  return (
    <section className={styles['section']} aria-labelledby={id}>
      <div className="spread">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
