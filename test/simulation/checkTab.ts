import type { PendingState } from '../../src/engine/pendingView.js';
import { heldIn, stuckIn } from './shadow.js';
import { isCall, projects } from './model.js';
import { isSame, refold, type Recorded, type Resolve, type Rows } from './refold.js';
import type { Ending, Tab } from './tab.js';
import type { Device } from './world.js';

/** What one process shows, against what it was told: invariants 5, 7, 8, 9 and 15. Called after every turn. */
export function checkTab(world: Device, tab: Tab): void {
  if (tab.life.state !== 'running' || tab.phase === 'disposed' || tab.phase === 'dead') return;
  forgetSaved(tab);
  checkAccepted(world, tab);
  checkLiveness(world, tab);
  const { client, shadow } = tab;
  const now = `${shadow.news}/${client.store.getState().revision}/${tab.saving.size}/${tab.deferred.size}/${tab.cancelling.size}/${tab.endings.size}/${String(tab.ready)}`;
  if (now === tab.checked) return;
  tab.checked = now;
  checkLeft(world, tab);
  checkView(world, tab, 'after a turn');
  checkIdentity(world, tab);
  checkStatus(world, tab);
}

/** In the middle of a change, whenever the store tells its subscribers. */
export function watchView(world: Device, tab: Tab): void {
  tab.client.store.subscribe(() => {
    // A rollback that comes too late shows the mutation again before its caller hears of it.
    if (tab.life.state === 'running' && tab.cancelling.size === 0) checkView(world, tab, 'in a notification');
  });
}

function forgetSaved(tab: Tab): void {
  for (const tokens of [tab.saving, tab.deferred])
    for (const token of tokens.keys()) {
      const called = tab.called.get(token);
      const isOver =
        tab.endings.has(token) || called?.enqueued === 'resolved' || called?.confirmed !== 'open';
      if (isOver) tokens.delete(token);
    }
}

/** What is called, shown and not stored yet, as far as the process was told. */
function unsaved({ client, saving, deferred }: Tab): Map<string, Recorded> {
  const found = new Map<string, Recorded>();
  for (const token of [...saving.keys(), ...deferred.keys()]) {
    const [view] = client.pending({ token });
    if (view !== undefined) found.set(token, view);
  }
  return found;
}

function expected(tab: Tab): { readonly rows: Rows; readonly order: readonly string[] } {
  const { shadow, cancelling } = tab;
  const logged = shadow.mutations();
  const known = new Set(logged.map((m) => m.token));
  const order = [...known];
  const pending: Recorded[] = logged.filter((m) => !cancelling.has(m.token));
  for (const [token, recorded] of unsaved(tab)) {
    if (known.has(token)) continue;
    order.push(token);
    if (!cancelling.has(token)) pending.push(recorded);
  }
  const base = new Map([...shadow.rows].map(([key, { row }]) => [key, row]));
  return { rows: refold(base, pending, resolveIn(tab)), order };
}

/** The ids that the server has given, as this process was told; a row that was inserted again has been given several. */
export function resolveIn({ shadow }: Tab): Resolve {
  return (collection, id) => {
    const next = (from: string): string | undefined =>
      (shadow.meta.get(`id:${collection}/${from}`) as { readonly to: string } | undefined)?.to;
    let last = id;
    for (let to = next(last); to !== undefined; to = next(last)) last = to;
    return last;
  };
}

export function visible(tab: Tab): Rows {
  const rows: Rows = new Map();
  for (const [name, view] of Object.entries(tab.client.store.getState().collections))
    for (const [id, row] of view.entries()) rows.set(`${name}/${id}`, row);
  return rows;
}

export function firstDifference(a: Rows, b: Rows): string | undefined {
  for (const key of new Set([...a.keys(), ...b.keys()]))
    if (!isSame(a.get(key), b.get(key)))
      return `${key} is ${JSON.stringify(a.get(key))}, not ${JSON.stringify(b.get(key))}`;
  return undefined;
}

function checkView(world: Device, tab: Tab, when: string): void {
  const rows = visible(tab);
  if (tab.client.pending().length > 0) world.report.stake(5);
  const difference = firstDifference(rows, expected(tab).rows);
  if (difference !== undefined) world.report.fail(5, `${tab.name} ${when}: ${difference} (base and pending)`);
  for (const [from, { to, key }] of world.truth.names)
    if (rows.has(`projects/${from}`) && rows.has(`projects/${to}`) && !isNameless(world, tab, from, key))
      world.report.fail(5, `${tab.name} ${when}: a project is seen twice, as ${from} and as ${to}`);
}

/**
 * Nobody can tell yet that the server has named it: it was given up, or it came with a snapshot or a feed that has begun
 * anew, whose rows do not say by which op they came, and its answer is still to come (decision 0024).
 */
function isNameless({ gateway, truth }: Device, { shadow }: Tab, from: string, key: string): boolean {
  return truth.givenUp.has(key) || (gateway.isSilent && !shadow.meta.has(`id:${projects.name}/${from}`));
}

/** A project that was inserted on this device keeps the key it had first, for React (ID1). */
function checkIdentity(world: Device, tab: Tab): void {
  const { truth, report } = world;
  const { client } = tab;
  const named = new Set([...truth.names.values()].map(({ to }) => to));
  for (const [from, { to, key }] of truth.names) {
    if (named.has(from)) continue; // deleted elsewhere, and inserted again: it was known by another before
    const row = client.get(projects, to);
    if (row === undefined || isNameless(world, tab, from, key)) continue;
    const is = client.keyOf(projects, row);
    if (is !== from) report.fail(5, `${tab.name} gives ${to} the key ${is}, not ${from}`);
    if (client.get(projects, from) !== row) report.fail(5, `${tab.name} finds ${to} no longer as ${from}`);
  }
}

/** What is no longer pending has been told of, and not before the base covered it. */
function checkLeft({ report }: Device, tab: Tab): void {
  const { shadow, endings } = tab;
  const held = heldIn(shadow);
  const now = new Set(tab.client.pending().map((m) => m.token));
  for (const token of tab.pending) {
    if (now.has(token)) continue;
    report.stake(7);
    if (!endings.has(token) && !shadow.deadLetters.has(token))
      report.fail(7, `${tab.name} lost ${token} without a word`);
  }
  for (const token of now) {
    const ending = endings.get(token);
    if (ending === undefined || ending.tries < (shadow.tries.get(token) ?? 0)) continue;
    if (!held.has(token)) report.fail(8, `${tab.name} shows ${token} as pending after its end`);
  }
  tab.pending = now;
}

/** Called at each terminal event. */
export function checkEnding({ report, truth }: Device, tab: Tab, token: string, how: Ending): void {
  const fate = truth.fates.get(token);
  const effect = truth.effectOf(token, how !== 'confirmed');
  switch (how) {
    case 'confirmed': {
      if (effect === undefined) {
        report.fail(1, `${tab.name} confirmed ${token}, which had no effect`);
        return;
      }
      for (const [key, version] of effect) {
        const base = tab.shadow.rows.get(key);
        const isCovered = typeof base?.version === 'number' && base.version >= version;
        // An answer without rows leaves the version as it was; what it must show is checked by the fold.
        if (!isCovered && !isCall(fate?.record.name))
          report.fail(
            5,
            `${tab.name} confirmed ${token} (${key} version ${version}) over ${String(base?.version)}`,
          );
      }
      return;
    }
    case 'annulled':
    case 'rejected':
    case 'held':
    case 'cancelled': {
      // What was refused may have been tried again since, and this process not know yet.
      const isEarlierTry = (fate?.tries ?? 0) > (tab.shadow.tries.get(token) ?? 0);
      if (effect !== undefined && !isEarlierTry)
        report.fail(8, `${tab.name} told that ${token} was ${how}; it took effect`);
      return;
    }
    case 'forgotten':
      return;
  }
}

const SUCCESS: readonly Ending[] = ['confirmed', 'annulled'];

/** An accepted call is stored; promises and events say the same. */
function checkAccepted({ report, truth }: Device, tab: Tab): void {
  for (const { token, enqueued, acknowledged, confirmed } of tab.called.values()) {
    const how = tab.endings.get(token)?.how;
    if (enqueued === 'resolved' && !truth.fates.has(token) && how === undefined && confirmed === 'open')
      report.fail(1, `${token} was accepted and is not stored`);
    if (acknowledged !== confirmed)
      report.fail(8, `${token} is acknowledged: ${acknowledged}, confirmed: ${confirmed}`);
    if (how === undefined || confirmed === 'open') continue;
    const isAlreadySo = (how === 'cancelled' || how === 'rejected') && truth.retryAsked.has(token);
    if (!isAlreadySo && SUCCESS.includes(how) !== (confirmed === 'resolved'))
      report.fail(8, `${token} was ${how}, and its promise is ${confirmed}`);
  }
  for (const [token, called] of tab.called)
    if (called.confirmed !== 'open' && called.enqueued !== 'open') tab.called.delete(token);
}

/** Without pulls nothing but the worker sleeps, so that a wait without a wake-up shows at once. */
function checkLiveness(world: Device, tab: Tab): void {
  if (world.plan.pull || !tab.ready || tab.phase !== 'running') return;
  const stuck = stuckIn(tab.shadow);
  const waits = tab.shadow
    .mutations()
    .some(({ token }) => !tab.cancelling.has(token) && !stuck.has(token) && isOpen(tab, token));
  if (waits && tab.effort.count('sleep', 'storage', 'push', 'call') === 0)
    world.report.fail(9, `${tab.name} has pending work, and no timer and no request`);
}

function isOpen({ endings, shadow }: Tab, token: string): boolean {
  const ending = endings.get(token);
  return ending === undefined || ending.tries < (shadow.tries.get(token) ?? 0);
}

function checkStatus({ report }: Device, tab: Tab): void {
  const { client, shadow, connectivity } = tab;
  const { order } = expected(tab);
  if (order.length > 0) report.stake(15);
  const held = heldIn(shadow);
  const status = client.status.get();
  const wrong = (what: string, is: unknown, should: unknown): void =>
    report.fail(15, `${tab.name} says ${what} ${JSON.stringify(is)}, and it is ${JSON.stringify(should)}`);
  const pending = client.pending();
  const shown = pending.map((m) => m.token);
  if (!isSame(shown, order)) wrong('pending', shown, order);
  const undecided = order.filter((token) => !held.has(token)).length;
  if (status.pending !== undecided) wrong('pending', status.pending, undecided);
  // By token, each is looked at anew: the list is as it was when the client told last.
  const states = shown.flatMap((token) => client.pending({ token })).map(({ state }) => state);
  const inState = (...of: PendingState[]): number => states.filter((state) => of.includes(state)).length;
  if (status.sending !== inState('sending')) wrong('sending', status.sending, inState('sending'));
  const waiting = inState('waiting', 'parked');
  if (status.held !== waiting) wrong('held', status.held, waiting);
  if (status.failed !== shadow.deadLetters.size) wrong('failed', status.failed, shadow.deadLetters.size);
  // When the platform says offline, an exchange may have proven that it is not (NQ1).
  if (connectivity.online && !status.online) wrong('online', status.online, true);
  const isSynced = tab.ready && !status.needsAuth && status.online && order.length === 0;
  const asked = [...shadow.deadLetters.values()].flatMap(({ conflict }) => conflict ?? []);
  const conflicts = new Set(asked.map(({ id }) => id)).size;
  if (status.conflicts !== conflicts) wrong('conflicts', status.conflicts, conflicts);
  const attention = order.length - undecided - asked.length;
  if (status.needsAttention !== attention) wrong('needsAttention', status.needsAttention, attention);
  if ((status.phase === 'synced') !== isSynced)
    wrong('phase', status.phase, isSynced ? 'synced' : 'not synced');
  const sealed = new Set([...shadow.seals.values()].flat().flatMap((s) => s.members ?? [s.token]));
  for (const one of pending) {
    const should = sealed.has(one.token) && !held.has(one.token) && !shadow.deadLetters.has(one.token);
    if (one.sealed !== should) wrong(`sealed ${one.token}`, one.sealed, should);
  }
}
