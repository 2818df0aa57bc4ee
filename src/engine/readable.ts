import type { Change } from '../domain/changes.js';
import { hasPrevious, isChange, readRecord } from '../domain/mutation.js';
import { META } from './ledger.js';
import { isNote } from './logRecords.js';
import type { MetaRecord, StorageState } from './ports.js';

/**
 * What of `state` can be taken up: another version of the app may have written it, or a bug. What cannot is told, and
 * left where it is (OB7). Mutations are looked at when they are met: see `readRecord`.
 */
export function readable(
  state: StorageState,
  unreadable: (what: string, found: unknown) => void,
): StorageState {
  const those =
    <T>(is: Check, nameOf: (one: T, at: number) => string) =>
    (one: T, at: number): boolean => {
      const isOne = is(one);
      if (!isOne) unreadable(nameOf(one, at), one);
      return isOne;
    };
  for (const { table, key, cause } of state.unreadable) unreadable(`${table} ${String(key)}`, cause);
  return {
    ...state,
    log: state.log.filter(those(isLogRecord, ({ seq }) => `log ${seq}`)),
    seals: state.seals.filter(those(isSealRecord, ({ id }) => `seals ${id}`)).map(({ id, sealed }) => ({
      id,
      sealed: sealed.filter(those(isSealed, (_one, at) => `seals ${id}[${at}]`)),
    })),
    deadLetters: state.deadLetters.filter(those(isDeadLetter, ({ token }) => `deadLetters ${token}`)),
    meta: state.meta.filter(those(isReadableMeta as Check, ({ key }) => `meta ${key}`)),
    outcomes: state.outcomes.filter(those(isOutcome, () => 'journal')),
  };
}

type Check = (value: unknown) => boolean;

const isString: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';
const absentOr =
  (is: Check): Check =>
  (value) =>
    value === undefined || is(value);
const listOf =
  (is: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(is);
const shape =
  (members: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(members).every(([name, is]) => is((value as Readonly<Record<string, unknown>>)[name]));

const isLogRecord = shape({ mutations: Array.isArray });
const isSealRecord = shape({ sealed: Array.isArray });

const isSealed = shape({
  token: isString,
  rev: isNumber,
  members: absentOr(listOf(isString)),
  body: absentOr(isString),
  changes: listOf(isChange),
  versions: absentOr(Array.isArray),
});

const isObject = shape({});

const isConflictRow = shape({
  collection: isString,
  id: isString,
  changes: listOf((value) => isChange(value) && hasPrevious(value as Change)),
  base: absentOr(isObject),
  mine: absentOr(isObject),
  theirs: absentOr(shape({ row: absentOr(isObject) })),
});

const isDeadLetter = shape({
  record: (value) => 'token' in readRecord(value),
  error: shape({ code: isString, message: isString }),
  refusedAt: isNumber,
  sealed: absentOr(isSealed),
  conflict: absentOr(shape({ id: isString, tokens: listOf(isString), rows: listOf(isConflictRow) })),
});

const isOutcome = shape({ tokens: listOf(isString), outcome: shape({ kind: isString }) });

const isFullRead = shape({ number: isNumber, stage: isString });
const isAssignedId = shape({ collection: isString, from: isString, to: isString });
const isAuditEntry = shape({ seq: isNumber, rows: Array.isArray });

function isReadableMeta({ key, value }: MetaRecord): boolean {
  if (key === META.cursor) return absentOr(isString)(value);
  if (key === META.read) return absentOr(isFullRead)(value);
  if (key === META.syncedAt) return isNumber(value);
  if (key === META.empty) return isNote(value);
  if (key.startsWith(META.id)) return isAssignedId(value);
  return !key.startsWith(META.audit) || isAuditEntry(value);
}
