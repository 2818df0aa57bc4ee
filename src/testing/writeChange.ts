import { entityKey, type EntityKey, type Row, type ServerRow, type Version } from '../domain/entity.js';
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
    readonly at?: number;
  };
}

/** The versions that one op, or a chain of ops, moved a row between. */
export interface Move {
  readonly before: number;
  readonly after: number;
}

/**
 * Applies one change by the rules of the protocol, and returns the row as it is then.
 * @param chain what ops before it, which it follows, did to rows; it gets this one's write, too
 */
export function writeChange(
  tx: ServerTransaction,
  change: WireChange,
  chain: Map<EntityKey, Move>,
): ServerRow | Refused {
  const { type, id, ifVersion } = change;
  const key = entityKey(type, id);
  const known = tx.find(type, id);
  const version = known?.version ?? 0;
  const refuse = (status: Refused['status'], name: string): Refused => ({
    status,
    name,
    current: { type, id, version, data: known?.row ?? null, ...(known && { at: known.at }) },
  });
  const move = chain.get(key);
  // An op that waited behind others was sealed with the version before them: that is as good.
  const since = move?.after === version ? move.before : version;
  const isOutdated = ifVersion !== undefined && ifVersion !== version && ifVersion !== since;
  const now = (): ServerRow => tx.find(type, id) ?? { collection: type, id, row: undefined, version: 0 };
  const written = (): ServerRow => {
    chain.set(key, { before: ifVersion ?? since, after: tx.find(type, id)?.version ?? version });
    return now();
  };
  switch (change.kind) {
    case 'insert':
      if (known?.row !== undefined) return sameValue(known.row, change.data) ? known : refuse(409, 'exists');
      if (isOutdated) return refuse(412, 'version-mismatch');
      tx.put(type, id, change.data);
      return written();
    case 'update': {
      if (known?.row === undefined) return refuse(404, 'not-found');
      if (isOutdated) return refuse(412, 'version-mismatch');
      const next: Record<string, unknown> = { ...known.row };
      for (const [field, value] of Object.entries(change.patch)) setField(next, field, value);
      for (const field of change.unset ?? []) Reflect.deleteProperty(next, field);
      tx.put(type, id, next);
      return written();
    }
    case 'delete':
      if (known?.row === undefined) return now();
      if (isOutdated) return refuse(412, 'version-mismatch');
      tx.delete(type, id);
      return written();
  }
}
