import { hostname, networkInterfaces } from 'node:os';
import { isEveryInterface } from '../config/address.ts';

/** Names and addresses under which others on the network can reach a listener on `host`, best first; with the port. */
export function reachableAddresses(host: string, port: number): string[] {
  if (!isEveryInterface(host)) return [withPort(host, port)];
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => !address.internal && !address.address.startsWith('fe80:'));
  const v4 = own.filter((address) => address.family === 'IPv4').map((address) => withPort(address.address, port));
  const name = hostname().toLowerCase();
  return [...v4, ...(name === '' || name === 'localhost' ? [] : [withPort(name, port)]), withPort('localhost', port)];
}

function withPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}
