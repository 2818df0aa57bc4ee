import { keyOf } from '../../src/domain/changes.js';
import type { ServerRow } from '../../src/domain/entity.js';
import { applyChange, applyRecorded, isSame, type Rows } from './refold.js';
import type { Report } from './report.js';
import type { Envelope, Truth } from './truth.js';

/** These are sent as the fields they set, alone: what they mean was said when they were sealed. */
const FROZEN: readonly string[] = ['increment', 'move'];

/**
 * What an op did to the server's rows is what its members mean, one after the other (CO2, CO5). Exception: a merge sends
 * nothing of a field that comes back to what the base had when it was sealed (CO1), whatever others wrote there since.
 */
export function checkApplied(
  truth: Truth,
  envelope: Envelope,
  written: readonly ServerRow[],
  report: Report,
): void {
  const { key, sealed, members } = envelope;
  const rows: Rows = new Map();
  for (const { collection, id, version } of written)
    rows.set(`${collection}/${id}`, truth.history(`${collection}/${id}`, (version as number) - 1)?.row);
  for (const member of members)
    if (FROZEN.includes(member.name)) for (const change of sealed.changes) applyChange(rows, change);
    else applyRecorded(rows, member, (_collection, id) => nameOf(truth, envelope, id));
  for (const { collection, id, row } of written) {
    const entity = `${collection}/${id}`;
    const expected = rows.get(firstKey(truth, key, collection, id)) as Record<string, unknown> | undefined;
    const is = row && ({ ...row } as Record<string, unknown>);
    if (expected !== undefined && is !== undefined) {
      if (collection === 'projects') is['id'] = expected['id'];
      for (const field of unsent(truth, entity, expected, { key, sealed, members })) {
        if (is[field] === undefined) Reflect.deleteProperty(expected, field);
        else expected[field] = is[field];
      }
    }
    if (!isSame(expected, is))
      report.fail(
        2,
        `${key} made ${entity} ${JSON.stringify(is)}; its members mean ${JSON.stringify(expected)}`,
      );
  }
}

/** What the server calls a row, unless this is the op that makes it, or nobody can know yet: its insert was given up (RT6). */
function nameOf({ names, givenUp }: Truth, { key, sealed }: Envelope, id: string): string {
  const name = names.get(id);
  if (name === undefined || name.key === key) return id;
  return givenUp.has(name.key) && JSON.stringify(sealed.changes).includes(`"${id}"`) ? id : name.to;
}

/** A row under the id its insert gave it. */
function firstKey({ names }: Truth, op: string, collection: string, id: string): string {
  for (const [from, { to, key }] of names)
    if (collection === 'projects' && to === id && key === op) return `${collection}/${from}`;
  return `${collection}/${id}`;
}

/** The fields that members set and a merge has left out, because they end as they began. */
function unsent(
  truth: Truth,
  entity: string,
  expected: Readonly<Record<string, unknown>>,
  { sealed, members }: Envelope,
): readonly string[] {
  if (members.length < 2) return [];
  const at = sealed.changes.findIndex((change) => keyOf(change) === entity);
  const change = sealed.changes[at];
  const version = sealed.versions?.[at];
  if (change?.kind !== 'update' || typeof version !== 'number') return [];
  const base = truth.history(entity, version)?.row ?? {};
  const set = new Set(
    members.flatMap((m) =>
      m.changes.flatMap((c) => (c.kind === 'update' ? [...Object.keys(c.patch), ...c.unset] : [])),
    ),
  );
  return [...set].filter(
    (field) =>
      !Object.hasOwn(change.patch, field) &&
      !change.unset.includes(field) &&
      isSame(base[field], expected[field]),
  );
}
