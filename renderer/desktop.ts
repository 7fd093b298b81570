import type { DesktopApi } from '../electron/desktop-api.ts';

declare global {
  interface Window {
    /** Set by the preload script when the window runs inside the desktop app. */
    readonly desktop?: DesktopApi;
  }
}

/** The desktop's own abilities, or undefined in an ordinary browser. */
export function desktop(): DesktopApi | undefined {
  return window.desktop;
}

/**
 * Puts `text` on the clipboard; resolves to whether it worked, so that the button can say so.
 * Browsers offer the clipboard only on secure origins and loopback; elsewhere a selection is copied the old way.
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    const { desktop: app } = window;
    if (app !== undefined) {
      await app.copyText(text);
      return true;
    }
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const field = document.createElement('textarea');
  const focused = document.activeElement;
  field.value = text;
  field.setAttribute('readonly', '');
  field.setAttribute('aria-hidden', 'true');
  field.style.position = 'fixed';
  field.style.opacity = '0';
  document.body.append(field);
  field.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way on a plain HTTP address, which this window may have
  const copied = document.execCommand('copy');
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}
