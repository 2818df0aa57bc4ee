import { splitKey, type BaseRow, type Row, type Version } from '../domain/entity.js';
import type { DeadLetter, MutationRecord, StoredOutcome } from '../domain/mutation.js';
import type { RowsRead, SealRecord, StoredRow } from '../engine/ports.js';

export function mutation(token: string): MutationRecord {
  return {
    token,
    rev: 0,
    name: '@update',
    schema: 1,
    variables: { id: token },
    changes: [
      {
        kind: 'update',
        collection: 'todos',
        id: token,
        patch: { done: true },
        unset: [],
        previous: { done: false },
      },
    ],
    lanes: [`todos/${token}`],
    priority: 'normal',
    dependsOn: [],
    createdAt: 1_000,
  };
}

export function seal(id: string): SealRecord {
  const { changes } = mutation(id);
  return { id, sealed: [{ token: id, rev: 0, body: '{"op":1}', changes, sealedAt: 2_000 }] };
}

export function row(key: string, fields: Row | undefined, version: Version | undefined): StoredRow {
  return { key, row: fields, version };
}

/** Rows as a load brings them. */
export function rowsRead(...rows: readonly StoredRow[]): RowsRead {
  const read = new Map<string, Map<string, BaseRow>>();
  for (const { key, ...told } of rows) {
    const { collection, id } = splitKey(key);
    read.set(collection, (read.get(collection) ?? new Map<string, BaseRow>()).set(id, told));
  }
  return read;
}

export function deadLetter(token: string): DeadLetter {
  return { token, record: mutation(token), error: { code: 'REFUSED', message: 'No.' }, refusedAt: 3_000 };
}

export function outcome(token: string): StoredOutcome {
  return { tokens: [token], outcome: { kind: 'accepted', result: { of: token } } };
}
