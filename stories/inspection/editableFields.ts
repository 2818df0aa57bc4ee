import type { AirportStatus, Severity } from './model.js';
import { addFinding, amendFinding, keepNotes, setNotes, setSeverity, setStatus } from './mutations.js';

interface Choice {
  readonly value: string;
  readonly text: string;
}

/** A variable of a mutation that a person may mend. */
export interface EditableField {
  readonly key: string;
  readonly label: string;
  readonly maxLength: number;
  /** Absent: any text. */
  readonly choices?: readonly Choice[];
}

export const STATUSES: readonly { readonly value: AirportStatus; readonly text: string }[] = [
  { value: 'open', text: 'Open' },
  { value: 'watch', text: 'On watch' },
  { value: 'closed', text: 'Closed' },
];

export const SEVERITIES: readonly { readonly value: Severity; readonly text: string }[] = [
  { value: 'low', text: 'Low' },
  { value: 'medium', text: 'Medium' },
  { value: 'high', text: 'High' },
];

const NOTE: EditableField = { key: 'notes', label: 'Note', maxLength: 280 };
const STATUS: EditableField = { key: 'status', label: 'Status', maxLength: 20, choices: STATUSES };
const TEXT: EditableField = { key: 'text', label: 'What was found', maxLength: 200 };
const SEVERITY: EditableField = { key: 'severity', label: 'Severity', maxLength: 20, choices: SEVERITIES };

/** How a field of a row is edited; undefined where it is not. */
export const editableField = (field: string): EditableField | undefined =>
  [NOTE, STATUS, TEXT, SEVERITY].find(({ key }) => key === field);

/** What can be mended of a mutation of this name; nothing of one that is not known here. */
export function editableFields(name: string, places: readonly Choice[]): readonly EditableField[] {
  switch (name) {
    case setNotes.name:
    case keepNotes.name:
      return [NOTE];
    case setStatus.name:
      return [STATUS];
    case addFinding.name:
      return [TEXT, SEVERITY, { key: 'airportId', label: 'Airport', maxLength: 4, choices: places }];
    case setSeverity.name:
      return [SEVERITY];
    case amendFinding.name:
      return [TEXT];
    default:
      return [];
  }
}
