import { isSame, refold, type Recorded, type Rows } from './model.js';
import type { Ending, Tab } from './tab.js';
import type { World } from './world.js';

/** What one process shows, against what it was told: invariants 5, 7, 8, 9 and 15. Called after every turn. */
export function checkTab(world: World, tab: Tab): void {
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
  checkStatus(world, tab);
}

/** In the middle of a change, whenever the store tells its subscribers. */
export function watchView(world: World, tab: Tab): void {
  tab.client.store.subscribe(() => {
    // A rollback that comes too late shows the mutation again before its caller hears of it.
    if (tab.life.state === 'running' && tab.cancelling.size === 0) checkView(world, tab, 'in a notification');
  });
}

/** What the process calls still to be saved, as it recorded it. */
function isSaving(tab: Tab, token: string): Recorded | undefined {
  const [view] = tab.client.pending({ token });
  return view;
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

function expected(tab: Tab): { readonly rows: Rows; readonly order: readonly string[] } {
  const { shadow, cancelling } = tab;
  const logged = shadow.mutations();
  const known = new Set(logged.map((m) => m.token));
  const order = [...known];
  const pending: Recorded[] = logged.filter((m) => !cancelling.has(m.token));
  for (const token of [...tab.saving.keys(), ...tab.deferred.keys()]) {
    const recorded = known.has(token) ? undefined : isSaving(tab, token);
    if (recorded === undefined) continue;
    order.push(token);
    if (!cancelling.has(token)) pending.push(recorded);
  }
  const base = new Map([...shadow.rows].map(([key, { row }]) => [key, row]));
  return { rows: refold(base, pending), order };
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

function checkView({ report }: World, tab: Tab, when: string): void {
  const difference = firstDifference(visible(tab), expected(tab).rows);
  if (difference !== undefined) report.fail(5, `${tab.name} ${when}: ${difference} (base and pending)`);
}

/** What is no longer pending has been told of, and not before the base covered it. */
function checkLeft({ report }: World, tab: Tab): void {
  const now = new Set(tab.client.pending().map((m) => m.token));
  for (const token of tab.pending)
    if (!now.has(token) && !tab.endings.has(token))
      report.fail(7, `${tab.name} lost ${token} without a word`);
  for (const token of now)
    if (tab.endings.has(token)) report.fail(8, `${tab.name} shows ${token} as pending after its end`);
  tab.pending = now;
}

/** Called at each terminal event. */
export function checkEnding({ report, truth }: World, tab: Tab, token: string, how: Ending): void {
  const fate = truth.fates.get(token);
  const effect = truth.effect(token);
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
        if (!isCovered && fate?.record.name !== 'pay')
          report.fail(
            5,
            `${tab.name} confirmed ${token} (${key} version ${version}) over ${String(base?.version)}`,
          );
      }
      return;
    }
    case 'rejected':
      if (effect !== undefined) report.fail(8, `${tab.name} rejected ${token}, which took effect`);
      return;
    case 'cancelled':
      if (effect !== undefined) report.fail(8, `${tab.name} cancelled ${token}, which took effect`);
  }
}

/** An accepted call is stored; promises and events say the same. */
function checkAccepted({ report, truth }: World, tab: Tab): void {
  for (const { token, enqueued, acknowledged, confirmed } of tab.called.values()) {
    const ending = tab.endings.get(token);
    if (enqueued === 'resolved' && !truth.fates.has(token) && ending === undefined && confirmed === 'open')
      report.fail(1, `${token} was accepted and is not stored`);
    if (acknowledged !== confirmed)
      report.fail(8, `${token} is acknowledged: ${acknowledged}, confirmed: ${confirmed}`);
    if (ending === undefined || (ending === 'confirmed') === (confirmed === 'resolved')) continue;
    report.fail(8, `${token} was ${ending}, and its promise is ${confirmed}`);
  }
  for (const [token, called] of tab.called)
    if (called.confirmed !== 'open' && called.enqueued !== 'open') tab.called.delete(token);
}

/** Without pulls nothing but the worker sleeps, so that a wait without a wake-up shows at once. */
function checkLiveness(world: World, tab: Tab): void {
  if (world.plan.pull || !tab.ready || tab.phase !== 'running') return;
  const waits = tab.shadow.mutations().some((m) => !tab.cancelling.has(m.token) && !tab.endings.has(m.token));
  if (waits && tab.effort.count('sleep', 'storage', 'push', 'call') === 0)
    world.report.fail(9, `${tab.name} has pending work, and no timer and no request`);
}

function checkStatus({ report }: World, tab: Tab): void {
  const { client, shadow, connectivity } = tab;
  const { order } = expected(tab);
  const status = client.status.get();
  const wrong = (what: string, is: unknown, should: unknown): void =>
    report.fail(15, `${tab.name} says ${what} ${JSON.stringify(is)}, and it is ${JSON.stringify(should)}`);
  const shown = client.pending().map((m) => m.token);
  if (!isSame(shown, order)) wrong('pending', shown, order);
  if (status.pending !== order.length) wrong('pending', status.pending, order.length);
  if (status.failed !== shadow.deadLetters.size) wrong('failed', status.failed, shadow.deadLetters.size);
  // When the platform says offline, an exchange may have proven that it is not (NQ1).
  if (connectivity.online && !status.online) wrong('online', status.online, true);
  const isSynced = tab.ready && !status.needsAuth && status.online && order.length === 0;
  if ((status.phase === 'synced') !== isSynced)
    wrong('phase', status.phase, isSynced ? 'synced' : 'not synced');
  const sealed = new Set([...shadow.seals.values()].flat().map((s) => s.token));
  for (const one of client.pending())
    if (one.sealed !== sealed.has(one.token)) wrong(`sealed ${one.token}`, one.sealed, sealed.has(one.token));
}
