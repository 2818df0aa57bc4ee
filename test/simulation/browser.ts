import { checkDisposed } from './checkEnd.js';
import { checkEnding, watchView } from './checkTab.js';
import { perform } from './perform.js';
import type { Write } from './plan.js';
import { kill, openTab, type Tab } from './tab.js';
import type { Device } from './world.js';

/** The tabs of one device: each runs one process at a time, and those that ended are not forgotten. */
export interface Browser {
  readonly device: Device;
  readonly all: readonly Tab[];
  /** The process of a tab now, whatever its state. */
  now(tab: number): Tab | undefined;
  /** The process of a tab, if it can do something. */
  running(tab: number): Tab | undefined;
  open(tab: number, early?: readonly Write[]): void;
  crash(tab: number, downMs: number, early: readonly Write[]): void;
  reload(tab: number, overlap: boolean, early: readonly Write[]): void;
  offline(tab: number, ms: number, noticed: boolean): void;
  freeze(tab: number, ms: number): void;
  /** The lines of all tabs are cut, whatever the platform thinks. */
  cut(ms: number): void;
  /** Processes that died come back, after a while as users do, or at once. */
  reopenDead(afterMs?: number): void;
  /** In liveness mode only the first leader of the first device heals, and is not told; any other stays as broken as it is. */
  heal(): void;
  /** Those that everything is expected of now. */
  healthy(): Tab[];
}

export function createBrowser(world: Device): Browser {
  const { plan, clock, report } = world;
  const current: (Tab | undefined)[] = [];
  const isOffline: boolean[] = [];
  const all: Tab[] = [];
  let cutUntil = 0;
  const isCut = (): boolean => clock.monotonic() < cutUntil;
  const after = (ms: number, call: () => void): void => void clock.sleep(ms).then(call);
  const at = (tab: number): number => tab % plan.tabs;
  const staysBroken = (i: number): boolean =>
    plan.liveness && (!world.isFirst || (plan.lease === 'all' && i > 0));

  function open(index: number, early: readonly Write[] = []): void {
    const tab = openTab(world, `${world.letters[index] ?? ''}${all.length}`, (own, token, how) =>
      checkEnding(world, own, token, how),
    );
    report.note('opens', tab.name);
    if (isOffline[index] === true || isCut()) tab.network.set({ offline: true });
    current[index] = tab;
    all.push(tab);
    watchView(world, tab);
    perform(world, tab, early);
  }

  const running = (index: number): Tab | undefined => {
    const tab = current[at(index)];
    return tab?.phase === 'running' && tab.life.state === 'running' ? tab : undefined;
  };

  function tellOnline(tab: Tab | undefined): void {
    tab?.effort.stimulus();
    tab?.connectivity.setOnline(true);
  }

  function reopenDead(afterMs = 0): void {
    current.forEach((tab, i) => {
      if (tab?.phase !== 'dead') return;
      if (afterMs === 0) open(i);
      else
        after(afterMs, () => {
          if (current[i] === tab && world.chaos) open(i);
        });
    });
  }

  return {
    device: world,
    all,
    now: (index) => current[at(index)],
    running,
    open,
    crash(index, downMs, early) {
      const tab = current[at(index)];
      if (tab === undefined || tab.phase === 'dead') return;
      kill(tab);
      after(downMs, () => {
        if (current[at(index)] === tab && world.chaos) open(at(index), early);
      });
    },
    reload(index, overlap, early) {
      const tab = running(index);
      if (tab === undefined) return;
      dispose(world, tab, () => {
        if (!overlap && current[at(index)] === tab) open(at(index), early);
      });
      if (overlap) open(at(index), early);
    },
    offline(index, ms, noticed) {
      const i = at(index);
      isOffline[i] = true;
      current[i]?.network.disconnect();
      if (noticed) current[i]?.connectivity.setOnline(false);
      after(ms, () => {
        if (!world.chaos) return;
        isOffline[i] = false;
        if (!isCut()) current[i]?.network.reconnect();
        tellOnline(current[i]);
      });
    },
    cut(ms) {
      for (const tab of current) tab?.network.disconnect();
      cutUntil = clock.monotonic() + ms;
      after(ms, () => {
        if (!world.chaos || isCut()) return;
        current.forEach((tab, i) => {
          if (isOffline[i] !== true) tab?.network.reconnect();
        });
      });
    },
    freeze(index, ms) {
      const tab = running(index);
      tab?.life.freeze();
      after(ms, () => world.chaos && tab?.life.thaw());
    },
    reopenDead,
    heal() {
      for (const tab of all) if (tab.phase === 'disposing') tab.life.thaw();
      cutUntil = 0; // also for who opens after this
      reopenDead();
      current.forEach((tab, i) => {
        if (staysBroken(i)) tab?.network.disconnect();
        if (tab === undefined || staysBroken(i)) return;
        isOffline[i] = false;
        tab.life.thaw();
        tab.network.reconnect();
        tab.network.set({ latencyMs: [5, 80], loss: 0, lossAfter: 0, duplicate: 0 });
        if (!plan.liveness) tellOnline(tab);
      });
    },
    healthy: () => current.filter((tab, i): tab is Tab => tab !== undefined && !staysBroken(i)),
  };
}

/** Ends a client in an orderly way. */
export function dispose(world: Device, tab: Tab, then: () => void = () => undefined): void {
  tab.phase = 'disposing';
  tab.open.add('dispose');
  void tab.client.dispose().then(
    () => {
      if (tab.life.state !== 'dead') {
        tab.phase = 'disposed';
        tab.open.delete('dispose');
        checkDisposed(world, tab);
      }
      then();
    },
    (error: unknown) => world.report.fail(12, `dispose of ${tab.name} failed: ${String(error)}`),
  );
}
