import type { ConflictRowView, ConflictView, FieldDiff, Resolution, RowResolution } from '../../src/index.js';

export type Side = 'mine' | 'theirs' | 'own';

/** What is picked for one question of a conflict; `theirs` as it was then: when that changes, it has to be picked again. */
export interface Pick {
  readonly side: Side;
  readonly own?: string;
  readonly theirs: unknown;
}

export type Picks = Readonly<Record<string, Pick>>;

/** What the user has to say: one side of a row, where one side has deleted it; or of each contested field. */
export interface Question {
  readonly key: string;
  readonly row: ConflictRowView;
  /** Absent: the row as a whole. */
  readonly field?: FieldDiff;
}

const keyOf = ({ collection, id }: ConflictRowView): string => `${collection}/${id}`;

export function questionsOf({ rows }: ConflictView): readonly Question[] {
  return rows.flatMap((row): Question[] => {
    if (row.mine === undefined || row.theirs === undefined) return [{ key: keyOf(row), row }];
    const contested = row.diff.filter((field) => field.contested);
    return contested.map((field) => ({ key: `${keyOf(row)}/${field.field}`, row, field }));
  });
}

export const theirsOf = ({ row, field }: Question): unknown =>
  field === undefined ? row.theirs : field.theirs;

/** What was picked, unless others have written something else there since. */
export function pickOf(question: Question, picks: Picks): Pick | undefined {
  const pick = picks[question.key];
  return pick !== undefined && JSON.stringify(pick.theirs) === JSON.stringify(theirsOf(question))
    ? pick
    : undefined;
}

/** What `resolve` takes, once every question has an answer. */
export function resolutionOf(
  { rows }: ConflictView,
  questions: readonly Question[],
  picks: Picks,
): Resolution {
  const part = (row: ConflictRowView): RowResolution => {
    const asked = questions.filter((question) => question.row === row);
    const [first] = asked;
    if (first !== undefined && first.field === undefined)
      return pickOf(first, picks)?.side === 'mine' ? 'mine' : 'theirs';
    return { fields: Object.fromEntries(asked.map((one) => [one.field?.field ?? '', valueOf(one, picks)])) };
  };
  return { rows: Object.fromEntries(rows.map((row) => [keyOf(row), part(row)])) };
}

function valueOf(question: Question, picks: Picks): unknown {
  const { side = 'theirs', own } = pickOf(question, picks) ?? {};
  return side === 'own' ? own : question.field?.[side];
}
