import type { Caller } from './caller.js';
import type { OpRequest, Requests } from './opRecord.js';
import { problem } from './problem.js';
import type { Change, Command, Op, Problem } from './protocol.js';
import type { AskedOp, AskedOps } from './writeOps.js';

/**
 * May this caller do this? Asked per change, before anything is written; a command counts as one change. Not asked
 * about an op that was decided before, either way. Ops of one batch may be asked about before those in front of them
 * have taken effect; a "no" to such a one is asked for again when they have.
 */
export type Authorize = (change: Change | Command, context: Caller) => boolean | Promise<boolean>;

/** Ops in one transaction; it holds the locks of all their rows. */
const MOST = 100;

/** What to refuse an op with, if it must not be done. */
export async function askFor(
  authorize: Authorize | undefined,
  { op, subject, tenant }: OpRequest,
): Promise<Problem | undefined> {
  if (authorize === undefined) return undefined;
  for (const [index, change] of changesOf(op).entries())
    if (!(await authorize(change, { subject, tenant })))
      return problem('forbidden', undefined, { change: index });
  return undefined;
}

/**
 * The first of `ops` and those after it that can be decided in the same transaction: no command, whose code takes its
 * time, no other rev of the same op, and nothing that `authorize` forbids, because that may come of what the ones
 * before it are about to change.
 */
export async function gatherOps(ops: Requests, authorize: Authorize | undefined): Promise<AskedOps> {
  const [first, ...others] = ops;
  const together: [AskedOp, ...AskedOp[]] = [{ ...first, forbidden: await askFor(authorize, first) }];
  if (first.op.kind === 'command') return together;
  const tokens = new Set([first.op.op]);
  for (const one of others.slice(0, MOST - 1)) {
    if (one.op.kind === 'command' || tokens.has(one.op.op)) break;
    // What the hook throws is an answer to the first one only, too.
    const forbidden = await askFor(authorize, one).catch(() => true);
    if (forbidden !== undefined) break;
    tokens.add(one.op.op);
    together.push(one);
  }
  return together;
}

function changesOf(op: Op): readonly (Change | Command)[] {
  return op.kind === 'group' ? op.changes : [op];
}
