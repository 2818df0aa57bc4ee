import type { Token } from '../../src/domain/mutation.js';
import type { StorageWrite, StoredRow } from '../../src/engine/ports.js';
import { isSame } from './model.js';
import type { Report } from './report.js';
import type { Truth } from './truth.js';

/** Where the meta table keeps how far the pull got. */
const CURSOR = 'cursor';

/** Checks a transaction against what the disk held before it: nothing gets lost, nothing goes back. */
export function checkCommit(truth: Truth, write: StorageWrite, report: Report): void {
  const leaving = leavingTokens(truth, write);
  const outcomes = new Map((write.outcomes ?? []).map((o) => [o.token, o.outcome]));
  for (const token of leaving) {
    const outcome = outcomes.get(token);
    const fate = truth.fates.get(token);
    if (fate === undefined) continue;
    switch (outcome?.kind) {
      case 'accepted':
        if (truth.effect(token) === undefined) report.fail(1, `${token} was accepted and had no effect`);
        fate.state = 'accepted';
        break;
      case 'refused':
        if (!truth.isRefused(token)) report.fail(1, `${token} was refused, but not by the server`);
        if (truth.effect(token) !== undefined) report.fail(2, `${token} was refused and took effect`);
        if (!(write.put?.deadLetters ?? []).some((letter) => letter.token === token))
          report.fail(1, `${token} was refused and left no dead letter`);
        fate.state = 'refused';
        break;
      case 'cancelled':
        if (!truth.cancelAsked.has(token)) report.fail(1, `${token} was cancelled, but by nobody`);
        if (truth.wasSent(token)) report.fail(10, `${token} was cancelled after it was sent`);
        fate.state = 'cancelled';
        break;
      case 'annulled':
      case undefined:
        report.fail(1, `${token} left the log with the outcome ${outcome?.kind ?? 'none'}`);
    }
  }
  for (const token of outcomes.keys())
    if (!leaving.has(token)) report.fail(1, `${token} got an outcome without leaving the log`);
  for (const token of write.remove?.deadLetters ?? []) {
    const fate = truth.fates.get(token);
    if (!truth.discardAsked.has(token)) report.fail(1, `the dead letter ${token} was discarded by nobody`);
    if (fate !== undefined) fate.state = 'discarded';
  }
  checkSeals(truth, write, leaving, report);
  checkRows(truth, write, leaving, report);
  checkCursor(truth, write, report);
}

function leavingTokens({ disk }: Truth, { put, remove }: StorageWrite): ReadonlySet<Token> {
  const leaving = new Set<Token>();
  const rewritten = new Map((put?.log ?? []).map(({ seq, mutations }) => [seq, mutations]));
  for (const seq of [...rewritten.keys(), ...(remove?.log ?? [])]) {
    const kept = new Set((rewritten.get(seq) ?? []).map((m) => m.token));
    for (const { token } of disk.log.get(seq) ?? []) if (!kept.has(token)) leaving.add(token);
  }
  return leaving;
}

function checkSeals(truth: Truth, write: StorageWrite, leaving: ReadonlySet<Token>, report: Report): void {
  const before = new Map([...truth.disk.seals.values()].flat().map((sealed) => [sealed.token, sealed]));
  const removed = new Set(
    (write.remove?.seals ?? []).flatMap((id) => (truth.disk.seals.get(id) ?? []).map((s) => s.token)),
  );
  for (const { id, sealed } of write.put?.seals ?? []) {
    const now = new Set(sealed.map((s) => s.token));
    for (const { token } of truth.disk.seals.get(id) ?? []) if (!now.has(token)) removed.add(token);
    for (const one of sealed) {
      const known = before.get(one.token);
      if (truth.fates.get(one.token)?.state !== 'logged')
        report.fail(10, `${one.token} was sealed when gone`);
      if (known !== undefined && known.body !== one.body) report.fail(10, `${one.token} was sealed anew`);
    }
  }
  for (const token of removed)
    if (!leaving.has(token) && truth.fates.get(token)?.state === 'logged')
      report.fail(10, `the seal of ${token} was taken away while it is undecided`);
}

function checkRows(truth: Truth, write: StorageWrite, leaving: ReadonlySet<Token>, report: Report): void {
  const accepted = [...leaving].map((token) => truth.fates.get(token)).filter((f) => f?.state === 'accepted');
  /** Entities whose row may be covered by a mutation that was answered without rows. */
  const covering = new Set(
    accepted.flatMap((f) =>
      f?.record.name === 'pay' ? f.record.changes.map((c) => `${c.collection}/${c.id}`) : [],
    ),
  );
  for (const row of write.put?.rows ?? []) checkRow(truth, row, covering.has(row.key), report);
  for (const fate of accepted)
    // Known limit: what was answered without rows may fall back while older pages still come (RD2).
    if (fate?.record.name !== 'pay')
      for (const [key, version] of truth.effect(fate?.token ?? '') ?? [])
        truth.covered.set(key, Math.max(version, truth.covered.get(key) ?? 0));
}

function checkRow(truth: Truth, { key, row, version }: StoredRow, covering: boolean, report: Report): void {
  const former = truth.disk.rows.get(key)?.version;
  if (typeof former === 'number' && !(typeof version === 'number' && version >= former))
    report.fail(6, `the base of ${key} went from version ${former} to ${String(version)}`);
  if (typeof version !== 'number' || covering) return;
  if (version === 0 && row === undefined) return; // there never was one
  const known = truth.history(key, version);
  if (known === undefined) report.fail(6, `the base of ${key} has version ${version}, which never was`);
  else if (!isSame(known.row, row))
    report.fail(6, `the base of ${key} is not what the server had at version ${version}`);
  if (version !== former && version < (truth.covered.get(key) ?? 0))
    report.fail(
      5,
      `the base of ${key} got version ${version} after a mutation that made version ${truth.covered.get(key) ?? 0} was confirmed`,
    );
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
