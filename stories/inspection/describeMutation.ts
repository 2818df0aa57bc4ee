import { fieldLabel, fieldText } from './fieldText.js';
import { addFinding, amendFinding, keepNotes, setNotes, setSeverity, setStatus } from './mutations.js';

export interface Described {
  /** Where, e.g. `BOS`; empty where the mutation does not say. */
  readonly airport: string;
  readonly what: string;
}

interface Variables {
  readonly id?: string;
  readonly airportId?: string;
  readonly notes?: string;
  readonly status?: string;
  readonly text?: string;
  readonly severity?: string;
  readonly patch?: Readonly<Record<string, unknown>>;
}

const patched = (patch: Readonly<Record<string, unknown>>): string =>
  Object.entries(patch)
    .map(([field, value]) => {
      const text = fieldText(value);
      if (text === undefined) return `${fieldLabel(field)} cleared`;
      return `${fieldLabel(field)} ${field === 'notes' ? `“${text}”` : text.toLowerCase()}`;
    })
    .join(', ');

/** A mutation in a person's words, from what the outbox keeps of it. */
export function describeMutation(mutation: {
  readonly name: string;
  readonly variables: unknown;
}): Described {
  const v = (mutation.variables ?? {}) as Variables;
  switch (mutation.name) {
    case '@update':
      return { airport: v.id ?? '', what: patched(v.patch ?? {}) };
    case '@delete':
      return { airport: String(mutation.variables), what: 'Taken off the round' };
    case setNotes.name:
    case keepNotes.name:
      return { airport: v.id ?? '', what: v.notes === '' ? 'Note cleared' : `Note “${v.notes ?? ''}”` };
    case setStatus.name:
      return { airport: v.id ?? '', what: `Status ${v.status ?? ''}` };
    case addFinding.name:
      return { airport: v.airportId ?? '', what: `Finding “${v.text ?? ''}”` };
    case setSeverity.name:
      return { airport: '', what: `Severity ${v.severity ?? ''}` };
    case amendFinding.name:
      return { airport: '', what: `Text “${v.text ?? ''}”` };
    default:
      return { airport: '', what: mutation.name };
  }
}
