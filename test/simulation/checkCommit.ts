import { keyOf } from '../../src/domain/changes.js';
import type { AuditEntry } from '../../src/domain/audit.js';
import type { Outcome, Token } from '../../src/domain/mutation.js';
import type { StorageWrite } from '../../src/engine/ports.js';
import { checkAudit } from './checkAudit.js';
import { checkRows } from './checkRows.js';
import { checkSeals } from './checkSeals.js';
import type { Adding } from './model.js';
import { applyRecorded, isSame, type Rows } from './refold.js';
import type { Report } from './report.js';
import { emptyIn, present } from './shadow.js';
import { keyOfSealed, type Fate, type Truth } from './truth.js';

/** Where the meta table keeps how far the pull got. */
const CURSOR = 'cursor';

/** Checks a transaction against what the disk held before it: nothing gets lost, nothing goes back. */
export function checkCommit(truth: Truth, write: StorageWrite, report: Report): void {
  const leaving = leavingTokens(truth, write);
  if (leaving.size > 0) report.stake(1);
  const outcomes = new Map(
    (write.outcomes ?? []).flatMap(({ tokens, outcome }) => tokens.map((token) => [token, outcome] as const)),
  );
  const held = new Set((write.put?.deadLetters ?? []).filter((l) => l.held === true).map((l) => l.token));
  const decided: Decided = { truth, write, report, leaving, held, outcomes };
  for (const token of leaving) checkOutcome(decided, token, outcomes.get(token));
  for (const [token, outcome] of outcomes)
    if (held.has(token) && outcome.kind === 'refused') checkOutcome(decided, token, outcome);
    else if (!leaving.has(token)) report.fail(1, `${token} got an outcome without leaving the log`);
  checkLetters(decided);
  checkCascade(decided);
  checkAnnulled(decided);
  checkSeals(truth, write, leaving, report);
  checkRows(truth, write, leaving, report);
  checkCursor(truth, write, report);
  checkAudit(truth, write, report);
}

interface Decided {
  readonly truth: Truth;
  readonly write: StorageWrite;
  readonly report: Report;
  readonly leaving: ReadonlySet<Token>;
  /** Refused, and still in the log. */
  readonly held: ReadonlySet<Token>;
  readonly outcomes: ReadonlyMap<Token, Outcome>;
}

function leavingTokens({ disk }: Truth, { put, remove }: StorageWrite): ReadonlySet<Token> {
  const leaving = new Set<Token>();
  const rewritten = new Map((put?.log ?? []).map(({ seq, mutations }) => [seq, mutations]));
  const removed = new Set(remove?.log);
  const after = emptyIn(put?.meta ?? []) ?? disk.empty();
  for (const [seq, records] of disk.log) {
    const rest = removed.has(seq) ? [] : (rewritten.get(seq) ?? records);
    const stays = new Set(present(rest, after.get(seq)).map((m) => m.token));
    for (const { token } of present(records, disk.empty().get(seq)))
      if (!stays.has(token)) leaving.add(token);
  }
  return leaving;
}

function checkOutcome(decided: Decided, token: Token, outcome: Outcome | undefined): void {
  const { truth, report, held } = decided;
  const fate = truth.fates.get(token);
  if (fate === undefined) return;
  switch (outcome?.kind) {
    case 'accepted':
      fate.key ??= lateKey(truth, token);
      if (isThere(decided.write, fate) && (truth.isRefused(fate.key) || wasAsked(truth, token)))
        truth.asItIs.add(token);
      else if (truth.effect(fate.key) === undefined)
        report.fail(1, `${token} was accepted as ${fate.key ?? 'nothing'}, and had no effect`);
      fate.state = 'accepted';
      break;
    case 'refused':
      checkRefused(decided, fate, outcome);
      fate.state = held.has(token) ? 'held' : 'refused';
      fate.key = undefined;
      break;
    case 'cancelled':
      if (!wasAsked(truth, token) && !truth.cancelAsked.has(token))
        report.fail(1, `${token} was cancelled, but by nobody`);
      if (fate.key !== undefined)
        report.fail(10, `${token} was cancelled after it was sealed as ${fate.key}`);
      fate.state = 'cancelled';
      break;
    case 'annulled':
      if (fate.key !== undefined && !truth.isRefused(fate.key))
        report.fail(10, `${token} was annulled after it was sealed as ${fate.key}`);
      fate.state = 'annulled';
      break;
    case 'forgotten':
    case undefined:
      report.fail(1, `${token} left the log with the outcome ${outcome?.kind ?? 'none'}`);
  }
}

/** The audit trail says that another had done the same (CF5), by the judgement of the client or of the user. */
function isThere({ put }: StorageWrite, { key }: Fate): boolean {
  return (put?.meta ?? []).some(({ key: name, value }) => {
    const { token, outcome, strategy } = (name.startsWith('audit:') ? value : {}) as Partial<AuditEntry>;
    return outcome === 'confirmed' && (strategy === 'user' || key?.startsWith(`${token}.`) === true);
  });
}

/** What a dead letter was given up as: it may turn out to be accepted after all (RT6). */
function lateKey({ disk }: Truth, token: Token): string | undefined {
  const sealed = disk.deadLetters.get(token)?.sealed;
  return sealed && keyOfSealed(sealed);
}

/** By the server; for one that it builds on (SC4); or given up after so many attempts (RT6). */
function checkRefused(
  { truth, write, report, outcomes }: Decided,
  { token, key }: Fate,
  outcome: Extract<Outcome, { kind: 'refused' }>,
): void {
  const letter = (write.put?.deadLetters ?? []).find((one) => one.token === token);
  if (letter === undefined) report.fail(1, `${token} was refused and left no dead letter`);
  if (outcome.unanswered === true) {
    const { maxAttempts = Infinity } = truth.plan;
    if (truth.sends(key ?? '') < maxAttempts)
      report.fail(1, `${token} was given up after ${truth.sends(key ?? '')} attempts of ${maxAttempts}`);
    if (letter?.sealed === undefined) report.fail(10, `${token} was given up, and its seal forgotten`);
    if (key !== undefined) truth.givenUp.add(key);
    return;
  }
  if (letter?.sealed !== undefined) report.fail(10, `${token} was refused, and keeps its seal`);
  const cause = outcome.error.code === 'DEPENDENCY' ? outcome.error.details?.['cause'] : undefined;
  if (typeof cause === 'string') {
    const isRefused = outcomes.get(cause)?.kind === 'refused' || truth.disk.deadLetters.has(cause);
    if (!isRefused) report.fail(1, `${token} was refused for ${cause}, which was not`);
    // What travelled with it was answered for it.
    if (key !== undefined && !truth.isRefused(key))
      report.fail(10, `${token} was refused for ${cause} after it was sealed as ${key}`);
    return;
  }
  if (!truth.isRefused(key))
    report.fail(1, `${token} was refused as ${key ?? 'nothing'}, but not by the server`);
  if (truth.effect(key) !== undefined) report.fail(2, `${token} was refused and took effect`);
}

/** The user has asked for what may take away a dead letter. */
const wasAsked = ({ discardAsked, retryAsked, resolveAsked }: Truth, token: Token): boolean =>
  [discardAsked, retryAsked, resolveAsked].some((asked) => asked.has(token));

/** A dead letter goes only because somebody wants it to: discarded, or let in again. */
function checkLetters({ truth, write, report, leaving }: Decided): void {
  const log = new Set([...(write.append ?? []), ...(write.put?.log ?? []).map((l) => l.mutations)].flat());
  const entering = new Set([...log].map((record) => record.token));
  const isRetry = [...(write.remove?.deadLetters ?? [])].some(
    (token) => truth.retryAsked.has(token) || truth.resolveAsked.has(token),
  );
  for (const token of write.remove?.deadLetters ?? []) {
    const fate = truth.fates.get(token);
    const isBack = entering.has(token) && !leaving.has(token);
    if (fate !== undefined && !isBack) {
      if (fate.state === 'refused' && truth.effect(lateKey(truth, token)) !== undefined)
        fate.state = 'accepted';
      if (fate.state === 'accepted') continue;
    }
    // A retry that would change nothing any more discards it, too.
    if (isBack ? !isRetry : !wasAsked(truth, token))
      report.fail(1, `the dead letter ${token} was ${isBack ? 'let in again' : 'discarded'} by nobody`);
    if (fate === undefined) continue;
    if (!isBack) fate.state = leaving.has(token) ? 'cancelled' : 'discarded';
    else if (fate.state === 'held') {
      fate.state = 'logged';
      fate.key = undefined;
      fate.tries++;
    }
  }
  for (const record of log) {
    const fate = truth.fates.get(record.token);
    if (fate !== undefined) fate.record = record;
  }
}

/** What builds on a refused insert, or names a refused mutation, leaves in the same transaction (SC4). */
function checkCascade({ truth, report, leaving, held, outcomes }: Decided): void {
  const refused = [...leaving].filter((t) => outcomes.get(t)?.kind === 'refused' && !held.has(t));
  for (const token of refused) {
    const cause = truth.fates.get(token);
    const inserted = (cause?.record.changes ?? []).filter((c) => c.kind === 'insert').map(keyOf);
    for (const fate of truth.fates.values()) {
      if (fate.state !== 'logged' || fate.key !== undefined || fate.position <= (cause?.position ?? 0))
        continue;
      if (truth.cancelAsked.has(fate.token)) continue; // the user is taking it back
      if (fate.record.dependsOn.includes(token))
        report.fail(3, `${fate.token} depends on ${token}, which was refused, and stays`);
    }
    for (const key of inserted) {
      const later = [...truth.fates.values()].filter(
        (f) => f.position > (cause?.position ?? 0) && f.record.changes.some((c) => keyOf(c) === key),
      );
      for (const fate of later.sort((a, b) => a.position - b.position)) {
        if (fate.record.changes.some((c) => c.kind === 'insert' && keyOf(c) === key)) break;
        if (fate.state === 'logged' && fate.key === undefined && !truth.cancelAsked.has(fate.token))
          report.fail(3, `${fate.token} edits ${key}, whose insert ${token} was refused, and stays`);
      }
    }
  }
}

/** Together they do nothing, where they stand (CO1); or they delete what never came to be (SC4). */
function checkAnnulled({ truth, write, report, leaving, outcomes }: Decided): void {
  const resolved = new Set(write.remove?.deadLetters);
  const refused = [...outcomes].some(([, outcome]) => outcome.kind === 'refused');
  const groups = new Map<string, Fate[]>();
  const annulled = [...leaving].filter((token) => outcomes.get(token)?.kind === 'annulled');
  // What is merged to nothing may leave with what is refused: one write says both.
  const inserted = new Set(
    annulled.flatMap((token) =>
      (truth.fates.get(token)?.record.changes ?? []).flatMap((c) => (c.kind === 'insert' ? keyOf(c) : [])),
    ),
  );
  for (const token of annulled) {
    const fate = truth.fates.get(token);
    if (fate === undefined) continue;
    if (resolved.has(token)) continue; // of one conflict, the first does it all
    const [change, ...others] = fate.record.changes;
    if (refused && change?.kind === 'delete' && others.length === 0 && !inserted.has(keyOf(change))) continue;
    const key = change === undefined ? `todos/${(fate.record.variables as Adding).id}` : keyOf(change);
    groups.set(key, [...(groups.get(key) ?? []), fate]);
  }
  for (const [key, group] of groups) {
    group.sort((a, b) => a.position - b.position);
    const [first] = group as [Fate, ...Fate[]];
    const isNew = first.record.changes.some((c) => c.kind === 'insert');
    const isAdded = group.every((f) => f.record.name === 'add');
    const base = isAdded ? { id: key, n: 0 } : isNew ? undefined : truth.disk.rows.get(key)?.row;
    const rows: Rows = new Map([[isAdded ? `todos/${(first.record.variables as Adding).id}` : key, base]]);
    for (const { record } of group) applyRecorded(rows, record);
    const after = [...rows.values()][0];
    const tokens = group.map((f) => f.token).join(' ');
    if (!isSame(after, base))
      report.fail(2, `${tokens} were annulled, and make ${JSON.stringify(after)} of ${JSON.stringify(base)}`);
    const before = [...truth.fates.values()].find(
      (f) =>
        (f.state === 'logged' || f.state === 'held') &&
        f.position < first.position &&
        f.record.lanes.some((lane) => first.record.lanes.includes(lane)),
    );
    if (!isNew && !isAdded && before !== undefined)
      report.fail(2, `${tokens} were annulled as what the base has, though ${before.token} comes first`);
  }
}

/** Cursors are `e<epoch>.<position>`. */
function checkCursor({ disk }: Truth, write: StorageWrite, report: Report): void {
  const next = write.put?.meta?.find((m) => m.key === CURSOR)?.value;
  const former = disk.meta.get(CURSOR);
  if (typeof next !== 'string' || typeof former !== 'string') return;
  const [[e1, p1], [e2, p2]] = [position(former), position(next)];
  if (e2 < e1 || (e2 === e1 && p2 < p1)) report.fail(6, `the cursor went from ${former} to ${next}`);
}

function position(cursor: string): [epoch: number, position: number] {
  const [epoch, at] = cursor.slice(1).split('.').map(Number);
  return [epoch ?? 0, at ?? 0];
}
