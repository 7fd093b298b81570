import type { ReactNode } from 'react';
import { SegmentedControl, useMantineColorScheme } from '@mantine/core';
import type { MantineColorScheme } from '@mantine/core';
import {
  IconDatabase,
  IconHistory,
  IconInfoCircle,
  IconLayoutDashboard,
  IconServer2,
  IconShieldCheck,
  IconStack2,
} from '@tabler/icons-react';
import { NavLink } from 'react-router';
import { desktop } from '../desktop.ts';
import { StatusHeader } from './status-header.tsx';
import styles from './shell.module.css';

const places = [
  { to: '/', label: 'Dashboard', icon: IconLayoutDashboard },
  { to: '/upstreams', label: 'Upstreams', icon: IconServer2 },
  { to: '/policies', label: 'Policies', icon: IconShieldCheck },
  { to: '/cache', label: 'Cache', icon: IconStack2 },
  { to: '/storage', label: 'Storage', icon: IconDatabase },
  { to: '/audit', label: 'Audit', icon: IconHistory },
  { to: '/about', label: 'About', icon: IconInfoCircle },
] as const;

/** What is around every page: the way to the others, and the mirror's state on top. */
export function Shell({ children }: { readonly children: ReactNode }) {
  return (
    <div className={styles['shell']}>
      <a
        className={styles['skip']}
        href="#content"
        onClick={(event) => {
          // The address after # belongs to the router, so the jump is made by hand.
          event.preventDefault();
          document.getElementById('content')?.focus();
        }}
      >
        Skip to content
      </a>
      <nav className={styles['side']} aria-label="Pages">
        <div className={styles['brand']}>
          <img src="./mark.svg" width={28} height={28} alt="" />
          Zhi Mirror
        </div>
        <ul className={styles['nav']}>
          {places.map((place) => (
            <li key={place.to}>
              <NavLink to={place.to} end={place.to === '/'} className={styles['link'] ?? ''}>
                <place.icon size={18} stroke={1.7} aria-hidden="true" />
                {place.label}
              </NavLink>
            </li>
          ))}
        </ul>
        <div className={styles['foot']}>
          <ThemeChoice />
        </div>
      </nav>
      <div className={styles['main']}>
        <StatusHeader />
        <main id="content" tabIndex={-1}>
          {children}
        </main>
      </div>
    </div>
  );
}

const themes: readonly { readonly value: MantineColorScheme; readonly label: string }[] = [
  { value: 'auto', label: 'System' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
];

function ThemeChoice() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <SegmentedControl
      aria-label="Theme"
      size="xs"
      fullWidth
      transitionDuration={0}
      data={[...themes]}
      value={colorScheme}
      onChange={(value) => {
        const scheme = value;
        setColorScheme(scheme);
        // The frame around the window follows; where it cannot, the page has its colours all the same.
        void desktop()
          ?.setTheme(scheme === 'auto' ? 'system' : scheme)
          .catch(() => undefined);
      }}
    />
  );
}
