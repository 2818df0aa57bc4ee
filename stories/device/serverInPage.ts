import { SyncError } from '../../src/index.js';
import { createScriptedServer, type ScriptedServer, type ServerTransaction } from '../../src/testing.js';
import { validate } from '../data/rules.mjs';
import type { AirportSeed } from '../data/parseAirports.mjs';
import { airports, findings, type Airport, type Finding } from '../inspection/model.js';

/** The demo's server inside the page, with the same rules; for stories and tests without a server. */
export function createServerInPage(rows: readonly AirportSeed[]): ScriptedServer {
  const server = createScriptedServer({
    commands: {
      addFinding(finding: Finding, tx: ServerTransaction) {
        const airport = tx.get(airports.name, finding.airportId) as Airport | undefined;
        if (airport === undefined || airport.status === 'closed')
          throw new SyncError('VALIDATION', `${finding.airportId} is closed: it takes no more findings.`);
        tx.put(findings.name, finding.id, finding);
        tx.put(airports.name, airport.id, { ...airport, findings: airport.findings + 1 });
      },
    },
  });
  for (const { id, data } of rows) server.put(airports.name, id, data);
  server.refuse((op) => {
    if (op.kind !== 'update') return false;
    const { type, id, patch } = op;
    const current = server.get(type, id) as Airport | undefined;
    const change = { kind: 'update', type, id, patch: patch as Partial<Airport> } as const;
    const detail = validate(change, current && { ...current, ...change.patch }, {
      tenant: '',
      subject: 'demo',
      current,
    });
    return detail !== undefined && { status: 422, title: 'Invalid', detail };
  });
  return server;
}
