import type { Sealed, Token } from '../../src/domain/mutation.js';
import type { StorageWrite } from '../../src/engine/ports.js';
import { isSame } from './refold.js';
import type { Report } from './report.js';
import { keyOfSealed, type Fate, type Truth } from './truth.js';

/** Sealed is frozen: one key at a time, the same bytes, and no other before the server has refused it (invariant 10). */
export function checkSeals(
  truth: Truth,
  { put, remove }: StorageWrite,
  leaving: ReadonlySet<Token>,
  report: Report,
): void {
  const stays = ({ token }: Fate): boolean =>
    truth.fates.get(token)?.state === 'logged' && !leaving.has(token);
  const put_ = (put?.seals ?? []).flatMap(({ sealed }) => sealed);
  const kept = new Set(put_.map(keyOfSealed));
  const rewritten = [...(put?.seals ?? []).map((s) => s.id), ...(remove?.seals ?? [])];
  for (const sealed of rewritten.flatMap((id) => truth.disk.seals.get(id) ?? [])) {
    const key = keyOfSealed(sealed);
    if (kept.has(key)) continue;
    for (const fate of membersOf(truth, sealed)) {
      if (fate.key !== key || !stays(fate)) continue;
      if (!truth.isRefused(key))
        report.fail(10, `the seal ${key} was taken away while ${fate.token} is undecided`);
      fate.key = undefined; // to go by itself now (CO6)
    }
  }
  for (const sealed of put_) checkSeal(truth, sealed, report);
}

function membersOf({ fates }: Truth, { token, members = [token] }: Sealed): readonly Fate[] {
  return members.flatMap((member) => fates.get(member) ?? []);
}

function checkSeal(truth: Truth, sealed: Sealed, report: Report): void {
  const key = keyOfSealed(sealed);
  const known = truth.envelopes.get(key);
  const members = membersOf(truth, sealed);
  if (known === undefined)
    truth.envelopes.set(key, { key, sealed, members: members.map((fate) => ({ ...fate.record })) });
  else if (known.sealed.body !== sealed.body || !isSame(known.sealed.changes, sealed.changes))
    report.fail(10, `${key} was sealed anew`);
  if (known !== undefined && !(sealed.members ?? []).every((m) => known.sealed.members?.includes(m)))
    report.fail(10, `${key} was sealed for others than before`);
  const isGivenUp = truth.givenUp.has(key);
  if (truth.isRefused(key) && !isGivenUp && members.some((m) => m.key !== key))
    report.fail(10, `${key} was sealed again after the server had refused it`);
  for (const fate of members) {
    const { token, state } = fate;
    if (state !== 'logged') {
      if (!isGivenUp) report.fail(10, `${token} was sealed as ${key} when it was ${state}`);
      continue;
    }
    if (fate.key === key) continue;
    const was = known?.members.find((m) => m.token === token);
    if (was !== undefined && was.rev !== fate.record.rev)
      report.fail(10, `${token} was sealed as ${key}, which was made of other content`);
    if (fate.key !== undefined) report.fail(10, `${token} was sealed as ${key} and is sealed as ${fate.key}`);
    checkTurn(truth, fate, sealed, report);
    for (const other of truth.envelopes.values())
      if (other.key !== key && isOpenFor(truth, other, token))
        report.fail(10, `${token} was sealed as ${key}, and ${other.key} is undecided`);
    fate.key = key;
  }
}

/** Whether the server may still do it, and nobody has said that it may be done twice. */
function isOpenFor(
  truth: Truth,
  { key, members }: { readonly key: string; readonly members: readonly { readonly token: Token }[] },
  token: Token,
): boolean {
  if (!members.some((m) => m.token === token) || truth.isRefused(key)) return false;
  return !(truth.givenUp.has(key) && truth.editAsked.has(token));
}

/** Nothing that it builds on was refused (SC4), and nobody can take it back any more (MU5). */
function checkTurn(truth: Truth, { token, record, position }: Fate, sealed: Sealed, report: Report): void {
  const { members = [] } = sealed;
  const isGivenUp = truth.givenUp.has(keyOfSealed(sealed)); // sealed again, and to be sent in its turn
  for (const earlier of truth.fates.values())
    if (
      earlier.state === 'held' &&
      !members.includes(earlier.token) &&
      !isGivenUp &&
      earlier.position < position &&
      earlier.record.lanes.some((lane) => record.lanes.includes(lane))
    )
      report.fail(3, `${token} was sealed behind ${earlier.token}, which is held`);
  for (const parent of record.dependsOn)
    if (truth.fates.get(parent)?.state === 'refused' && !members.includes(parent))
      report.fail(3, `${token} was sealed, and depends on ${parent}, which was refused`);
  const { createdAt, sendAfter = 0 } = record;
  const isSteady = truth.plan.steps.every((step) => step.kind !== 'jump');
  // What was given up is sealed again at once, and sent when the server wants it again.
  if (isSteady && !isGivenUp && truth.now() < createdAt + sendAfter - 0.01)
    report.fail(
      16,
      `${token} was sealed ${createdAt + sendAfter - truth.now()} ms before it could no longer be taken back`,
    );
}
