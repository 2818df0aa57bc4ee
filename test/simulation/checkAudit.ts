import type { AuditEntry, AuditRow } from '../../src/domain/audit.js';
import type { StorageWrite } from '../../src/engine/ports.js';
import { isSame } from './refold.js';
import type { Report } from './report.js';
import type { Truth } from './truth.js';

/**
 * `lastWriteWins` lets mine win only over what was written before it, whatever the clocks of the devices say (CF2). One
 * that was tried again was written again; and where a clock was set, nobody knows what it showed before.
 */
export function checkAudit(truth: Truth, { put }: StorageWrite, report: Report): void {
  if (truth.plan.steps.some(({ kind }) => kind === 'jump')) return;
  for (const { key, value } of put?.meta ?? []) {
    if (!key.startsWith('audit:')) continue;
    const { token, strategy, outcome, rows } = value as AuditEntry;
    if (strategy === 'user' || outcome !== 'resend') continue;
    for (const row of rows) {
      if (strategy[row.collection] !== 'lastWriteWins' || !isOverruled(row)) continue;
      const written = writtenAt(truth, token);
      const theirs = row.theirs?.at;
      if (written === undefined || theirs === undefined) continue;
      if (written <= theirs)
        report.fail(6, `${token} overruled what was written ${theirs - written} ms after it (${row.id})`);
    }
  }
}

/** By the server's clock. */
function writtenAt({ envelopes, calledAt, retryAsked, fates }: Truth, token: string): number | undefined {
  const sent = [...envelopes.values()].filter(({ sealed }) => sealed.token === token);
  const members = sent.at(-1)?.sealed.members ?? [token];
  // Also what came back only because its cause did.
  const isNew = (member: string): boolean => !retryAsked.has(member) && fates.get(member)?.tries === 0;
  if (!members.every(isNew)) return undefined;
  return calledAt.get(members.at(-1) ?? token);
}

/** Theirs had changed something that mine has changed otherwise, and it is as mine had it. */
function isOverruled({ base, mine, theirs, after }: AuditRow): boolean {
  const row = theirs?.row;
  if (mine === undefined || row === undefined) return isSame(after, mine) && !isSame(base, row);
  const [was, own, there, is] = [base, mine, row, after].map(
    (side) => (side ?? {}) as Record<string, unknown>,
  );
  return Object.keys({ ...was, ...own, ...there }).some(
    (field) =>
      !isSame(own?.[field], was?.[field]) &&
      !isSame(there?.[field], was?.[field]) &&
      !isSame(own?.[field], there?.[field]) &&
      isSame(is?.[field], own?.[field]),
  );
}
