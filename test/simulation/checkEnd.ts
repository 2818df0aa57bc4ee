import type { Browser } from './browser.js';
import { firstDifference, resolveIn, visible } from './checkTab.js';
import { COLLECTIONS } from './model.js';
import { refold, type Rows } from './refold.js';
import { stuckIn } from './shadow.js';
import { kill, openTab, type Tab } from './tab.js';
import { anotherDevice, type Device, type World } from './world.js';

/** Why it is not quiet yet: invariants 4, 8, 9 and 12. */
export function unrest(
  world: Device,
  browser: Browser,
): { readonly invariant: number; readonly message: string } | undefined {
  const { truth, plan } = world;
  // What was refused and is still shown waits for the user, and so does what follows it.
  const stuck = stuckIn(truth.disk);
  const held = truth.disk.mutations().filter((m) => stuck.has(m.token));
  const left = truth.disk
    .mutations()
    .map((m) => m.token)
    .filter((token) => !stuck.has(token));
  if (left.length > 0) return { invariant: 9, message: `still pending: ${left.join(' ')}` };
  for (const tab of browser.healthy()) {
    const called = [...tab.called.keys()].filter((token) => !stuck.has(token));
    const open = [...tab.open, ...called.map((token) => `promises of ${token}`)];
    if (open.length > 0) return { invariant: 8, message: `${tab.name} did not settle: ${open.join(', ')}` };
    const expected = refold(serverRows(world), held, resolveIn(tab));
    const difference = plan.pull ? firstDifference(visible(tab), expected) : undefined;
    if (difference !== undefined) return { invariant: 4, message: `${tab.name}: ${difference} (server)` };
  }
  const disposing = browser.all.find((tab) => tab.phase === 'disposing');
  return disposing && { invariant: 12, message: `${disposing.name} is not disposed` };
}

function serverRows({ gateway: { server } }: World): Rows {
  const rows: Rows = new Map();
  for (const { name } of COLLECTIONS)
    for (const [id, row] of server.rows(name)) rows.set(`${name}/${id}`, row);
  return rows;
}

/**
 * Everything that was ever stored has come to exactly one end, and the server agrees. What was given up is the one
 * exception: it may have taken effect, for all anybody knows, but once at most (RT6).
 */
export function checkEnd({ plan, truth, report }: Device, tabs: readonly Tab[]): void {
  if (truth.fates.size > 0) report.stake(9);
  if (plan.pull) report.stake(4);
  const stuck = stuckIn(truth.disk);
  const sealed = new Set([...truth.disk.seals.values()].flat().flatMap((one) => one.members ?? [one.token]));
  for (const { token, state } of truth.fates.values()) {
    const applied = truth.effectOf(token, true) !== undefined;
    if ((state === 'logged' || state === 'held') && !stuck.has(token))
      report.fail(1, `${token} has come to no end`);
    // Sent with what is held now, and not answered: it waits behind that one, and nobody knows (RT7, decision 0012).
    const isUnknown = state === 'logged' && stuck.has(token) && sealed.has(token);
    if (state === 'accepted' ? truth.effectOf(token) === undefined : applied && !isUnknown)
      report.fail(2, `${token} is ${state}, and took effect: ${String(applied)}`);
    if (state === 'refused' && !truth.disk.deadLetters.has(token))
      report.fail(1, `${token} was refused, and its dead letter is gone`);
  }
  for (const tab of tabs) {
    const { phase, needsAuth, online } = tab.client.status.get();
    const waits = truth.disk.mutations().length > 0;
    if (phase !== 'synced' && online && !waits)
      report.fail(15, `${tab.name} says ${phase} (needsAuth ${String(needsAuth)}) when all is done`);
  }
}

/** A client that never was here before sees what the server has. */
export async function checkNewcomer(world: World): Promise<void> {
  const tab = openTab(anotherDevice(world), 'N', () => undefined);
  tab.network.set({ latencyMs: 10 });
  let difference: string | undefined;
  for (let seconds = 0; seconds === 0 || (difference !== undefined && seconds < 60); seconds++) {
    await world.clock.advance(1_000);
    difference = firstDifference(visible(tab), serverRows(world));
  }
  if (difference !== undefined) world.report.fail(4, `a new client: ${difference} (server)`);
  kill(tab);
}

/** Nothing is left of a disposed client, and what it had accepted is stored. */
export function checkDisposed({ report, truth }: Device, tab: Tab): void {
  const left = tab.effort.count('sleep', 'storage', 'listener', 'push', 'pull', 'call');
  if (left > 0)
    report.fail(
      12,
      `${tab.name} is disposed and has ${tab.effort.count('sleep')} timers, ${tab.effort.count('listener')} listeners, ${left} in all`,
    );
  if (tab.isListening()) report.fail(12, `${tab.name} is disposed and listens to other tabs`);
  for (const { token, enqueued } of tab.called.values())
    if (enqueued === 'open' && !truth.fates.has(token))
      report.fail(1, `${tab.name} is disposed and ${token} was never stored`);
}
