import type { Change } from '../domain/changes.js';
import { entityKey, type EntityKey, type Row } from '../domain/entity.js';
import type { MutationRecord } from '../domain/mutation.js';
import { isJson, isJsonRecord } from './packed.js';

/*
 * Nearly all mutations set fields of one row. As lines of their log record's text they leave out what they have in common,
 * and with it half of the text, and of the objects that are made of it:
 *
 *   ["0199…", "@update", 1, 1764331200000, [7], "tasks", "t1", {"title": "new"}, {"title": "old"}]
 *
 * Any other is a line as it is.
 */
type Update = Extract<Change, { kind: 'update' }>;

type Line = readonly [
  token: string,
  name: string,
  schema: number,
  createdAt: number,
  versions: MutationRecord['versions'] | null,
  collection: string,
  id: string,
  patch: Row,
  previous: Row,
  variables?: unknown,
];

/** What JSON brings back, through a `lineReader`, as structured clone would bring back the record; undefined: nothing does. */
export function toLine(record: MutationRecord): unknown {
  const kept: unknown = record; // what could not be read is kept as it is (OB7)
  if (Array.isArray(kept)) return undefined; // it would be taken for a line
  if (typeof kept !== 'object' || kept === null) return isJson(kept) ? kept : undefined;
  const line = shortened(record);
  const isText = line ? isJson(line) : isJsonRecord(record, 'versions') && isJson(versionsOf(record));
  return isText ? (line ?? record) : undefined;
}

/** As JSON has them: one that is not known is undefined, and null there. `readRecord` takes both. */
function versionsOf(record: Partial<MutationRecord>): unknown {
  const versions: unknown = record.versions ?? null;
  return Array.isArray(versions) ? versions.map((version: unknown) => version ?? null) : versions;
}

/** What it leaves out is as a `lineReader` puts it in. */
function shortened(record: Partial<MutationRecord>): unknown[] | undefined {
  const { token, name, schema, createdAt, variables, changes, lanes, priority, dependsOn, rev } = record;
  const change = changes?.length === 1 ? (changes[0] as Partial<Update>) : undefined;
  if (change?.kind !== 'update') return undefined;
  const { collection, id, patch, previous, unset } = change;
  const versions: unknown = record.versions;
  const isUsual =
    (versions === undefined || Array.isArray(versions)) &&
    isNone(unset) &&
    lanes?.length === 1 &&
    lanes[0] === `${collection}/${id}` &&
    rev === 0 &&
    priority === 'normal' &&
    isNone(dependsOn) &&
    // It has no other member than those.
    Object.keys(change).length === 6 &&
    Object.hasOwn(record, 'variables') &&
    Object.keys(record).length === (Object.hasOwn(record, 'versions') ? 11 : 10);
  if (!isUsual) return undefined;
  const line: unknown[] = [
    token,
    name,
    schema,
    createdAt,
    versionsOf(record),
    collection,
    id,
    patch,
    previous,
  ];
  if (line.includes(undefined)) return undefined;
  if (variables !== undefined) line.push(variables);
  return line;
}

const isNone = (list: unknown): boolean => Array.isArray(list) && list.length === 0;

/**
 * Gives the record of a line as it was, or anything else as it is. What one reader reads shares what thousands of it have in
 * common: the id of a row, and its lane.
 */
export function lineReader(): (line: unknown) => unknown {
  const rows = new Map<string, Shared>();
  return (line) => {
    if (!Array.isArray(line)) return line;
    const [token, name, schema, createdAt, versions, collection, rowId, patch, previous, variables] =
      line as unknown as Line;
    let row = rows.get(rowId);
    if (row === undefined || row.collection !== collection)
      rows.set(rowId, (row = { collection, id: rowId, lanes: [entityKey(collection, rowId)] }));
    const { id, lanes } = row;
    return {
      token,
      rev: 0,
      name,
      schema,
      variables,
      changes: [{ kind: 'update', collection, id, patch, unset: NONE, previous }],
      lanes,
      priority: 'normal',
      dependsOn: NONE,
      createdAt,
      versions: versions ?? undefined,
    };
  };
}

interface Shared {
  readonly collection: string;
  readonly id: string;
  readonly lanes: readonly [EntityKey];
}

const NONE: readonly never[] = [];
