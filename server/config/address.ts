import { isIP } from 'node:net';

/** Where a listener is opened. */
export interface ListenAddress {
  /** Host name or IP address without brackets; empty means every interface. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** Reads `:5050`, `host:port` or `[::1]:0`, Go's way of writing listen addresses; undefined when it is not one. */
export function parseAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text.trim());
  if (match === null) return undefined;
  const [, bracketed, plain = '', digits = ''] = match;
  const port = Number(digits);
  if (port > 65_535) return undefined;
  if (bracketed !== undefined) return isIP(bracketed.split('%')[0] ?? '') === 6 ? { host: bracketed, port } : undefined;
  const looksNumeric = /^[0-9.]+$/.test(plain);
  const isHost =
    plain === '' || isIP(plain) === 4 || (!looksNumeric && /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i.test(plain));
  return isHost ? { host: plain, port } : undefined;
}

/** The address as `parseAddress` reads it. */
export function formatAddress(address: ListenAddress): string {
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${String(address.port)}`;
}

/** True when only this machine can reach a listener on `host`. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^::ffff:/, '');
  if (bare === 'localhost') return true;
  if (isIP(bare) === 6) return /^(?:0{0,4}:){2,7}0{0,3}1$/.test(bare);
  return isIP(bare) === 4 && bare.startsWith('127.');
}

/** True when `host` stands for all interfaces. */
export function isEveryInterface(host: string): boolean {
  return host === '' || host === '0.0.0.0' || (isIP(host) === 6 && /^[0:]+$/.test(host));
}

/** True when two listeners could not be open at the same time. */
export function collide(one: ListenAddress, other: ListenAddress): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  if (isEveryInterface(one.host) || isEveryInterface(other.host)) return true;
  return (
    one.host.toLowerCase() === other.host.toLowerCase() ||
    (isLoopback(one.host) && isLoopback(other.host) && isIP(one.host) === isIP(other.host))
  );
}
