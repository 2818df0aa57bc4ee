import type { Connectivity, Transport, Watchable } from '../../src/index.js';
import { createFaultyTransport, switchableConnectivity } from '../../src/testing.js';

export interface NetworkSettings {
  readonly online: boolean;
  readonly latencyMs: number;
  /** Of requests and answers together, in per cent. */
  readonly lossPercent: number;
  /** The next edit is answered with a refusal made on the device, not by the server. */
  readonly refuseNext: boolean;
}

/** One device's connection: a switch and a few faults, kept over reloads. */
export interface Network extends Watchable<NetworkSettings> {
  set(settings: Partial<Omit<NetworkSettings, 'refuseNext'>>): void;
  refuseNext(): void;
  /** What was kept over reloads. */
  forget(): void;
  readonly connectivity: Connectivity;
  /** The transport as it is reached over this network. */
  readonly transport: Transport;
}

const GOOD = { online: true, latencyMs: 0, lossPercent: 0 };
const REFUSAL = { title: 'Refused', detail: 'Refused by the button of this demo, not by the server.' };

/** @param key of `localStorage`; without it nothing is kept. */
export function createNetwork(transport: Transport, key?: string): Network {
  let settings: NetworkSettings = { ...GOOD, ...load(key), refuseNext: false };
  const listeners = new Set<() => void>();
  const connectivity = switchableConnectivity(settings.online);
  const faulty = createFaultyTransport({
    transport,
    random: Math.random,
    clock: {
      monotonic: () => performance.now(),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    },
  });
  apply();

  function apply(): void {
    const { online, latencyMs, lossPercent } = settings;
    // Half of what is lost is lost on the way back: then the server has the edit, and the device must ask again.
    faulty.set({ latencyMs, loss: lossPercent / 200, lossAfter: lossPercent / 200 });
    if (online === faulty.faults.offline) (online ? faulty.reconnect : faulty.disconnect)();
    connectivity.setOnline(online);
  }

  function show(change: Partial<NetworkSettings>): void {
    settings = { ...settings, ...change };
    for (const listener of listeners) listener();
  }

  return {
    get: () => settings,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set(change) {
      show(change);
      apply();
      const { online, latencyMs, lossPercent } = settings;
      if (key !== undefined) localStorage.setItem(key, JSON.stringify({ online, latencyMs, lossPercent }));
    },
    refuseNext() {
      if (settings.refuseNext) return;
      show({ refuseNext: true });
      let refused = false;
      faulty.replyNext(() => {
        if (refused) return { kind: 'omitted' };
        refused = true;
        show({ refuseNext: false });
        return { kind: 'answer', status: 422, rows: [], problem: REFUSAL };
      });
    },
    forget() {
      if (key !== undefined) localStorage.removeItem(key);
    },
    connectivity,
    transport: faulty,
  };
}

function load(key: string | undefined): Partial<typeof GOOD> {
  try {
    return JSON.parse((key !== undefined && localStorage.getItem(key)) || '{}') as Partial<typeof GOOD>;
  } catch {
    return {};
  }
}
