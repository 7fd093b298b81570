/**
 * True for addresses that are not out on the internet: loopback, private, link-local (where clouds keep their metadata
 * service), carrier-grade NAT, multicast and reserved ranges of IPv4 and IPv6, and IPv6 forms that carry such an IPv4
 * address (mapped, compatible, NAT64, 6to4). What is not an address at all counts as private, so that it is refused.
 * Source: the IANA special-purpose address registries (RFC 6890), without the documentation ranges.
 */
export function isPrivateAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const v4 = parseV4(bare);
  if (v4 !== undefined) return isPrivateV4(v4);
  const v6 = parseV6(bare);
  return v6 === undefined || isPrivateV6(v6);
}

/** True when `address` lies in `range`, e.g. `10.0.0.0/8` or `fd00::/8`; false when either cannot be read. */
export function isInRange(address: string, range: string): boolean {
  const [base = '', prefix = ''] = range.split('/');
  const wanted = toBits(base);
  const given = toBits(address);
  const length = Number(prefix);
  if (wanted === undefined || given?.length !== wanted.length) return false;
  if (!/^\d{1,3}$/.test(prefix) || length > wanted.length) return false;
  return wanted.slice(0, length) === given.slice(0, length);
}

/** [network, prefix length] pairs. */
const privateV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8], // "this network": 0.0.0.0 reaches loopback on Linux
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // link-local, cloud metadata
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15], // benchmarking
  ['224.0.0.0', 3], // multicast and reserved
];

function isPrivateV4(address: number): boolean {
  return privateV4.some(([network, length]) => {
    const shift = 32 - length;
    return address >>> shift === (parseV4(network) ?? 0) >>> shift;
  });
}

function isPrivateV6(groups: readonly number[]): boolean {
  const [first = 0, second = 0, third = 0] = groups;
  const embedded = embeddedV4(groups);
  if (embedded !== undefined) return isPrivateV4(embedded);
  if ((first & 0xfe00) === 0xfc00) return true; // unique local
  if ((first & 0xff80) === 0xfe80) return true; // link-local and the retired site-local
  if (first >= 0xff00) return true; // multicast
  if (first === 0x64 && second === 0xff9b && third === 1) return true; // NAT64 for local use
  return first === 0x100 && second === 0; // discard-only
}

/** The IPv4 address inside an IPv6 one; `::` and `::1` come out as 0.0.0.0 and 0.0.0.1, which are private too. */
function embeddedV4(groups: readonly number[]): number | undefined {
  const [first = 0, second = 0, third = 0] = groups;
  const low = join(groups[6], groups[7]);
  if (first === 0x2002) return join(second, third); // 6to4
  if (groups.slice(0, 5).every((group) => group === 0) && (groups[5] === 0xffff || groups[5] === 0)) return low;
  if (first === 0x64 && second === 0xff9b && groups.slice(2, 6).every((group) => group === 0)) return low;
  return undefined;
}

function join(high = 0, low = 0): number {
  return ((high << 16) | low) >>> 0;
}

function parseV4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const parts = match.slice(1).map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return parts.reduce((all, part) => all * 256 + part, 0);
}

/** Eight 16-bit groups. */
function parseV6(text: string): number[] | undefined {
  const halves = withoutDots(text).split('::').map(splitGroups);
  const [left = [], right] = halves;
  if (halves.length > 2) return undefined;
  const missing = 8 - left.length - (right?.length ?? 0);
  // "::" stands for at least one group
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array.from({ length: missing }, () => '0'), ...(right ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.map((group) => parseInt(group, 16));
}

function splitGroups(half: string): string[] {
  return half === '' ? [] : half.split(':');
}

/** `::ffff:10.0.0.1` with its end as two groups. */
function withoutDots(text: string): string {
  const colon = text.lastIndexOf(':') + 1;
  const tail = colon > 0 ? parseV4(text.slice(colon)) : undefined;
  if (tail === undefined) return text;
  return `${text.slice(0, colon)}${(tail >>> 16).toString(16)}:${(tail & 0xffff).toString(16)}`;
}

function toBits(address: string): string | undefined {
  const v4 = parseV4(address);
  if (v4 !== undefined) return v4.toString(2).padStart(32, '0');
  return parseV6(address)
    ?.map((group) => group.toString(2).padStart(16, '0'))
    .join('');
}
