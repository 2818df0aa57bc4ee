import { defineMutation } from '../../src/index.js';
import { airports, findings, type AirportStatus, type Finding } from './model.js';

export const setNotes = defineMutation({
  name: 'setNotes',
  optimistic: (tx, v: { readonly id: string; readonly notes: string }) =>
    tx.update(airports, v.id, { notes: v.notes }),
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
