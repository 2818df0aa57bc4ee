import { SEVERITIES, STATUSES } from './editableFields.js';

const LABELS: Readonly<Record<string, string>> = { notes: 'Note', status: 'Status', findings: 'Findings' };
const CHOICES = new Map([...STATUSES, ...SEVERITIES].map(({ value, text }) => [value as string, text]));

/** A field's name for people. */
export const fieldLabel = (field: string): string => LABELS[field] ?? field;

/** A field's value for people; undefined where there is nothing to read. */
export function fieldText(value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string') return CHOICES.get(value) ?? value;
  return JSON.stringify(value);
}

/** e.g. `Note and Status`. */
export const listed = (names: readonly string[]): string =>
  new Intl.ListFormat('en', { type: 'conjunction' }).format(names);

const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** The time of day, with the day where it is not today. */
export const whenText = (at: number, now = new Date()): string =>
  (new Date(at).toDateString() === now.toDateString() ? TIME : DAY).format(at);
