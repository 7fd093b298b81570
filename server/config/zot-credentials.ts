import type { AccountInput } from './schema.ts';
import { canonicalHost } from './upstream-text.ts';
import { parseLenientJson } from './zot-json.ts';
import type { JsonNode } from './zot-json.ts';

/** Accounts by `host:port`, as `credentialsFile` of zot lists them. */
export interface ZotCredentials {
  /** The same object for the same account; undefined when the URL's host has none. */
  accountOf(url: URL): AccountInput | undefined;
}

/** Nobody has an account. */
export const noCredentials: ZotCredentials = { accountOf: () => undefined };

/** Reads the text of a `credentialsFile`; undefined when it is none. No message may hold a piece of it. PURE. */
export function parseZotCredentials(text: string): ZotCredentials | undefined {
  const { root } = parseLenientJson(text);
  if (root?.kind !== 'object') return undefined;
  const accounts = new Map<string, AccountInput>();
  for (const { key, value } of root.members) {
    const username = textOf(value, 'username');
    const password = textOf(value, 'password');
    if (username === undefined || password === undefined) return undefined;
    accounts.set(canonicalHost(key), { username, password });
  }
  return {
    accountOf: (url) => {
      const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
      return accounts.get(canonicalHost(url.host)) ?? accounts.get(`${url.hostname}:${port}`);
    },
  };
}

function textOf(node: JsonNode, name: string): string | undefined {
  if (node.kind !== 'object') return undefined;
  const value = node.members.find((member) => member.key.toLowerCase() === name)?.value;
  return value?.kind === 'value' && typeof value.value === 'string' && value.value !== '' ? value.value : undefined;
}
