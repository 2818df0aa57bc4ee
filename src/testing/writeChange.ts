import type { Row, ServerRow, Version } from '../domain/entity.js';
import { sameValue } from '../domain/changes.js';
import { setField } from '../domain/serialize.js';
import type { ServerTransaction } from './serverRows.js';

/** One change of an op as it arrived. */
export type WireChange = { readonly type: string; readonly id: string; readonly ifVersion?: number } & (
  | { readonly kind: 'insert'; readonly data: Row }
  | { readonly kind: 'update'; readonly patch: Row; readonly unset?: readonly string[] }
  | { readonly kind: 'delete' }
);

/** Why a change was refused; `current` is what is there, as the wire tells it. */
export interface Refused {
  readonly status: 404 | 409 | 412;
  readonly name: string;
  readonly current?: {
    readonly type: string;
    readonly id: string;
    readonly version: Version;
    readonly data: Row | null;
  };
}

/** Applies one change by the rules of the protocol, and returns the row as it is then. */
export function writeChange(tx: ServerTransaction, change: WireChange): ServerRow | Refused {
  const { type, id } = change;
  const known = tx.find(type, id);
  const version = known?.version ?? 0;
  const refuse = (status: Refused['status'], name: string): Refused => ({
    status,
    name,
    current: { type, id, version, data: known?.row ?? null },
  });
  const now = (): ServerRow => tx.find(type, id) ?? { collection: type, id, row: undefined, version: 0 };
  if (change.ifVersion !== undefined && change.ifVersion !== version) return refuse(412, 'version-mismatch');
  switch (change.kind) {
    case 'insert':
      if (known?.row !== undefined) return sameValue(known.row, change.data) ? known : refuse(409, 'exists');
      tx.put(type, id, change.data);
      return now();
    case 'update': {
      if (known?.row === undefined) return refuse(404, 'not-found');
      const next: Record<string, unknown> = { ...known.row };
      for (const [field, value] of Object.entries(change.patch)) setField(next, field, value);
      for (const field of change.unset ?? []) Reflect.deleteProperty(next, field);
      tx.put(type, id, next);
      return now();
    }
    case 'delete':
      if (known?.row !== undefined) tx.delete(type, id);
      return now();
  }
}
