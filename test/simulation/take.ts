import type { Browser } from './browser.js';
import { changesElsewhere, discard, perform, resolve, retry, rollBack } from './perform.js';
import type { Step } from './plan.js';
import type { Tab } from './tab.js';
import type { Device, World } from './world.js';

/** Takes one step of a plan. What is meant for a tab that cannot do it now is left out. */
export function take(world: World, browsers: readonly Browser[], step: Step): void {
  if (step.kind !== 'write') world.report.note('step', step);
  if ('tab' in step) {
    const all = browsers.flatMap((browser) =>
      range(browser.device.plan.tabs).map((tab) => ({ browser, tab })),
    );
    const { browser, tab } = all[step.tab % all.length]!;
    takeOnTab(browser, { ...step, tab });
    return;
  }
  switch (step.kind) {
    case 'elsewhere':
      for (const one of step.writes) world.gateway.elsewhere(changesElsewhere(world, one));
      return;
    case 'window':
      world.gateway.open(step);
      return;
    case 'jump':
      world.clock.jump(step.ms);
      // Until when the server wants no more of what was given up is known by the wall clock alone.
      for (const { all, device } of browsers) for (const tab of all) tab.effort.forget(device.truth.givenUp);
      return;
    case 'expire':
      world.gateway.expire(step.collected ?? false);
      return;
    case 'restart':
      for (const browser of browsers) browser.cut(step.ms);
      world.gateway.restart(step.ms);
      return;
    case 'full':
      world.fill(step.ms);
      return;
  }
}

const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);

function takeOnTab(browser: Browser, step: Extract<Step, { tab: number }>): void {
  const world = browser.device;
  switch (step.kind) {
    case 'write':
      onTab(browser, step.tab, (tab) => write(world, tab, step));
      return;
    case 'rollback':
      onTab(browser, step.tab, (tab) => rollBack(world, tab, step.nth));
      return;
    case 'discard':
      onTab(browser, step.tab, (tab) => discard(world, tab, step.nth ?? 0));
      return;
    case 'retry':
      onTab(browser, step.tab, (tab) => retry(world, tab, step.nth, step.edited));
      return;
    case 'resolve':
      onTab(browser, step.tab, (tab) => resolve(world, tab, step.nth, step.how));
      return;
    case 'sync':
      onTab(browser, step.tab, (tab) => sync(world, tab));
      return;
    case 'wake':
      onTab(browser, step.tab, (tab) => {
        tab.effort.stimulus();
        tab.connectivity.wake();
      });
      return;
    case 'offline':
      browser.offline(step.tab, step.ms, step.noticed);
      return;
    case 'crash':
      browser.crash(step.tab, step.downMs, step.early);
      return;
    case 'reload':
      browser.reload(step.tab, step.overlap, step.early);
      return;
    case 'freeze':
      browser.freeze(step.tab, step.ms);
      return;
  }
}

function onTab(browser: Browser, index: number, call: (tab: Tab) => void): void {
  const tab = browser.running(index);
  if (tab !== undefined) call(tab);
}

function write(world: Device, tab: Tab, step: Extract<Step, { kind: 'write' }>): void {
  const { writes, priority, dependent, sendAfter } = step;
  const { client } = tab;
  const parent = client.pending().at(-1)?.token ?? client.deadLetters().at(-1)?.token;
  const last = dependent && parent !== undefined ? [parent] : [];
  const options = { priority, ...(sendAfter !== undefined && { sendAfter }) };
  perform(world, tab, writes.slice(0, -1), options);
  perform(world, tab, writes.slice(-1), { ...options, dependsOn: last });
}

function sync({ clock }: Device, tab: Tab): void {
  tab.effort.stimulus();
  if (!tab.client.status.get().leader) return;
  const name = `sync at ${Math.round(clock.monotonic())}`;
  tab.open.add(name);
  const over = (): void => void tab.open.delete(name);
  void tab.client.sync().then(over, over); // rejects when the client is disposed first
}
