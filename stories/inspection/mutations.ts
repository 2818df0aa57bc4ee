import { defineMutation } from '../../src/index.js';
import { airports, findings, type AirportStatus, type Finding, type Severity } from './model.js';

interface Note {
  readonly id: string;
  readonly notes: string;
}

export const setNotes = defineMutation({
  name: 'setNotes',
  optimistic: (tx, v: Note) => tx.update(airports, v.id, { notes: v.notes }),
});

/** The same, where a refused note stays in its row until somebody has mended it. */
export const keepNotes = defineMutation({
  name: 'keepNotes',
  onRejected: 'hold',
  optimistic: (tx, v: Note) => tx.update(airports, v.id, { notes: v.notes }),
});

export const setStatus = defineMutation({
  name: 'setStatus',
  optimistic: (tx, v: { readonly id: string; readonly status: AirportStatus }) =>
    tx.update(airports, v.id, { status: v.status }),
});

/** Two rows, one mutation. Sent as a command, so that the server counts: another device may add one meanwhile. */
export const addFinding = defineMutation({
  name: 'addFinding',
  command: true,
  optimistic: (tx, finding: Finding) => {
    tx.insert(findings, finding);
    tx.update(airports, finding.airportId, (airport) => {
      airport.findings += 1;
    });
  },
});

export const setSeverity = defineMutation({
  name: 'setSeverity',
  optimistic: (tx, v: { readonly id: string; readonly severity: Severity }) =>
    tx.update(findings, v.id, { severity: v.severity }),
});

export const amendFinding = defineMutation({
  name: 'amendFinding',
  optimistic: (tx, v: { readonly id: string; readonly text: string }) =>
    tx.update(findings, v.id, { text: v.text }),
});
