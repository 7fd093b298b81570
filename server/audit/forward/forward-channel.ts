import type { AuditReceiver } from '../../config/audit-receiver.ts';
import type { ForwarderProgress } from './forwarder.ts';
import type { Sender } from './receiver.ts';

/** What the forwarding thread starts with. */
export interface ForwardStart {
  readonly file: string;
  readonly databasePath: string;
  readonly receivers: readonly AuditReceiver[];
  readonly sender: Sender;
}

export type ForwardRequest =
  { readonly op: 'test'; readonly id: number; readonly name: string } | { readonly op: 'close' };

export type ForwardAnswer =
  | { readonly op: 'progress'; readonly receivers: Readonly<Record<string, ForwarderProgress>> }
  | { readonly op: 'gap'; readonly name: string; readonly from: number; readonly to: number; readonly why: string }
  | { readonly op: 'tested'; readonly id: number; readonly error: string | undefined; readonly durationMs: number };
