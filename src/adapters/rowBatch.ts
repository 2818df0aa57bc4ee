import type { BaseRow } from '../domain/entity.js';
import { pack, unpack, type Packed } from './packed.js';
import type { NamedRow } from './rowsByCollection.js';

/** Rows that were stored together, column by column: text that is parsed a quarter faster than with an object each. */
export type RowBatch = Packed<readonly Columns[]>;

type Column<F extends keyof BaseRow> = readonly (NonNullable<BaseRow[F]> | null)[];

/** Rows of one collection. A column of which there is nothing is absent; null is undefined. */
type Columns = { readonly collection: string; readonly ids: readonly string[] } & {
  readonly [F in keyof BaseRow]?: Column<F>;
};

const FIELDS = [
  'row',
  'version',
  'at',
  'ownSince',
  'was',
  'seen',
] as const satisfies readonly (keyof BaseRow)[];

export function packRows(rows: readonly NamedRow[]): RowBatch {
  return pack(
    [...new Set(rows.map(([collection]) => collection))].map((collection) => columns(collection, rows)),
  );
}

function columns(collection: string, all: readonly NamedRow[]): Columns {
  const rows = all.filter(([own]) => own === collection);
  const ids = rows.map(([, id]) => id);
  const known = FIELDS.filter((field) => rows.some(([, , row]) => row[field] !== undefined));
  const made = known.map((field) => [field, rows.map(([, , row]) => row[field] ?? null)]);
  return { collection, ids, ...Object.fromEntries(made) } as Columns;
}

/** Rows of one collection, as they are stored together. */
export interface StoredRows {
  readonly collection: string;
  readonly ids: readonly string[];
  readonly rowAt: (i: number) => BaseRow;
}

/** Throws when it is damaged. */
export function unpackRows(batch: RowBatch): readonly StoredRows[] {
  return unpack(batch).map(({ collection, ids, row: rows, version: versions, seen, at, ownSince, was }) => {
    const hasRest = at !== undefined || ownSince !== undefined || was !== undefined;
    const rowAt = (i: number): BaseRow => {
      const row = rows?.[i] ?? undefined;
      const version = versions?.[i] ?? undefined;
      const met = seen?.[i];
      // A literal for what most have: fields that are added one by one take twice the space.
      const made = typeof met === 'number' ? { row, version, seen: met } : { row, version };
      return hasRest ? withRest(made, at?.[i], ownSince?.[i], was?.[i]) : made;
    };
    return { collection, ids, rowAt };
  });
}

function withRest(
  row: BaseRow,
  at: number | null | undefined,
  ownSince: BaseRow['ownSince'] | null,
  was: BaseRow['was'] | null,
): BaseRow {
  if (at == null && ownSince == null && was == null) return row;
  return {
    ...row,
    ...(at != null && { at }),
    ...(ownSince != null && { ownSince }),
    ...(was != null && { was }),
  };
}
