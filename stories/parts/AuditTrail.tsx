import { useRef, useSyncExternalStore, type ReactNode } from 'react';
import { useSyncClient, type AuditEntry, type AuditRow } from '../../src/index.js';
import { fieldLabel, fieldText, whenText } from '../inspection/fieldText.js';

/** The trail of this device, the newest entry first. */
function useAudit(): readonly AuditEntry[] {
  const client = useSyncClient();
  const known = useRef<readonly AuditEntry[]>([]);
  return useSyncExternalStore(
    (listener) => client.watchMutations(listener),
    () => {
      const trail = client.audit().toReversed();
      if (trail[0]?.seq !== known.current[0]?.seq) known.current = trail;
      return known.current;
    },
  );
}

/** What was made of it, and by whom. */
function verdictOf({ outcome, strategy }: AuditEntry): string {
  const by = strategy === 'user' ? 'Decided' : Object.values(strategy).join(', ');
  switch (outcome) {
    case 'ask':
      return 'Asked';
    case 'server':
      return strategy === 'user' ? 'Decided: theirs' : `Theirs, by ${by}`;
    case 'resend':
      return strategy === 'user' ? 'Decided' : `Merged, by ${by}`;
    case 'confirmed':
      return 'Both agree';
  }
}

function resultOf({ base, mine, theirs, after }: AuditRow): string {
  if (after === undefined) return 'deleted';
  const sides = [base, mine, theirs?.row];
  const fields = Object.keys(after).filter(
    (field) => new Set(sides.map((side) => JSON.stringify(side?.[field]))).size > 1,
  );
  return fields.map((field) => `${fieldLabel(field)} ${fieldText(after[field]) ?? 'empty'}`).join(', ');
}

/** Hands the text over as a file. */
function download(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

/** What became of conflicts on this device (CF5). */
export function AuditTrail({ owner }: { readonly owner: string }): ReactNode {
  const client = useSyncClient();
  const trail = useAudit();
  return (
    <section className="tray" aria-label={`${owner}’s audit trail`}>
      <h3>
        Audit trail <span className="count">{trail.length === 0 ? 'Empty' : trail.length}</span>
        {trail.length > 0 && (
          <button
            type="button"
            className="button"
            data-kind="quiet"
            onClick={() => download(client.exportAudit(), `conflicts-${owner.toLowerCase()}.json`)}
          >
            Export as JSON
          </button>
        )}
      </h3>
      {trail.length > 0 && (
        <ol className="entries audit" tabIndex={0} aria-label="Decisions, newest first">
          {trail.map((entry) => (
            <li className="audit-entry" key={entry.seq}>
              <time dateTime={new Date(entry.at).toISOString()}>{whenText(entry.at)}</time>
              <span className="audit-what">
                {entry.rows.map((row) => (
                  <span key={`${row.collection}/${row.id}`}>
                    <strong>{row.id}</strong> {entry.outcome === 'ask' ? '' : resultOf(row)}
                  </span>
                ))}
              </span>
              <span className="audit-verdict">{verdictOf(entry)}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
