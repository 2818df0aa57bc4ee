import { idempotencyKey } from '../domain/mutation.js';
import type { Verdict } from '../domain/reconcile.js';
import type { Op } from './seal.js';
import type { Decision } from './settle.js';

type Conflict = Extract<Verdict, { kind: 'conflict' }>;

/** The answers to one request, where some of its ops have met another's write. */
export interface Disputed {
  /** Decided by themselves. */
  readonly plain: readonly { readonly op: Op; readonly verdict: Verdict | undefined }[];
  /** Refused only because of a conflict before them, or judged on rows that it will change: they go again, after it. */
  readonly behind: readonly Decision[];
  readonly conflicts: readonly { readonly op: Op; readonly verdict: Conflict }[];
}

export function disputedIn(sent: readonly Op[], verdicts: readonly (Verdict | undefined)[]): Disputed {
  /** Lanes and tokens. */
  const open = new Set<string>();
  const plain: Disputed['plain'][number][] = [];
  const behind: Decision[] = [];
  const conflicts: Disputed['conflicts'][number][] = [];
  sent.forEach((op, i) => {
    const verdict = verdicts[i];
    const isConflict = verdict?.kind === 'conflict';
    if (isConflict ? isBehind(op, open) : isInVain(verdict) && isBehind(op, open))
      behind.push({
        kind: 'again',
        members: op.members,
        key: idempotencyKey(op.sealed),
        rows: rowsOf(verdict),
      });
    else if (isConflict) conflicts.push({ op, verdict });
    else {
      plain.push({ op, verdict });
      return;
    }
    for (const { lanes, token } of op.members) for (const one of [...lanes, token]) open.add(one);
  });
  return { plain, behind, conflicts };
}

const isInVain = (verdict: Verdict | undefined): boolean =>
  verdict?.kind === 'refused' && verdict.error.code === 'DEPENDENCY';

const isBehind = ({ members }: Op, open: ReadonlySet<string>): boolean =>
  open.size > 0 &&
  members.some(({ lanes, dependsOn }) => [...lanes, ...dependsOn].some((one) => open.has(one)));

const rowsOf = (verdict: Verdict | undefined): Decision['rows'] =>
  verdict !== undefined && 'rows' in verdict ? verdict.rows : [];
