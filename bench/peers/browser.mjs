// A browser for one process: jsdom, IndexedDB in memory, Web Locks, and a clock that moves only when told to.
// Imported first, before any library can look for what is here.
import 'fake-indexeddb/auto';
import FakeTimers from '@sinonjs/fake-timers';
import { JSDOM } from 'jsdom';

export const dom = new JSDOM('<div id="root"></div>', { url: 'https://app.example/' });
const { window } = dom;
let online = true;
const define = (name, value) =>
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });

for (const name of ['document', 'localStorage', 'location', 'Event', 'CustomEvent', 'HTMLElement', 'Node'])
  define(name, window[name]);
const listening = [];
for (const target of [window, window.document]) watchListeners(target);
for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent'])
  define(name, window[name].bind(window));
define('window', globalThis);
define('self', globalThis);
define('navigator', { userAgent: 'jsdom', locks: webLocks(), get onLine() { return online; } }); // prettier-ignore
define('BroadcastChannel', undefined); // there is one tab
Math.random = seededRandom(1); // jitter is the same in every run

const clock = FakeTimers.install({
  now: Date.UTC(2026, 0, 1),
  toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
});

/** Lets `ms` of the clock pass, and at every step of it everything happen that needs no time. */
export async function pass(ms) {
  const until = Date.now() + ms;
  const step = ms > 1000 ? 20 : 1;
  do {
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
    await clock.tickAsync(Math.min(step, until - Date.now()));
  } while (Date.now() < until);
}

/** Long enough for a write to IndexedDB and a rendering, too short for a throttle or a backoff. */
export const settle = () => pass(40);

export function setOnline(now) {
  online = now;
  window.dispatchEvent(new window.Event(now ? 'online' : 'offline'));
}

/** The end of the process: no timer fires any more, nobody listens, every lock is free. The storage stays. */
export function crash() {
  for (const remove of listening.splice(0)) remove();
  for (const id of Object.keys(clock.timers ?? {})) clock.clearTimeout(Number(id));
  navigator.locks = webLocks();
}

/** For `crash`. And jsdom knows its own AbortSignal only, where a browser has but one kind. */
function watchListeners(target) {
  const add = target.addEventListener.bind(target);
  target.addEventListener = (type, listener, options) => {
    const { signal, ...rest } = Object(options);
    const remove = () =>
      target.removeEventListener(type, listener, typeof options === 'boolean' ? options : rest);
    add(type, listener, signal === undefined ? options : rest);
    signal?.addEventListener('abort', remove);
    listening.push(remove);
  };
}

function webLocks() {
  const tails = new Map();
  return {
    async request(name, ...rest) {
      const work = rest.at(-1);
      const { ifAvailable = false, signal } = rest.length > 1 ? rest[0] : {};
      if (ifAvailable && tails.has(name)) return work(null);
      const before = tails.get(name);
      const aborted = new Promise((_, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true }),
      );
      aborted.catch(() => undefined);
      let release;
      const mine = new Promise((resolve) => (release = resolve));
      tails.set(name, mine);
      try {
        await Promise.race([before, aborted]);
        return await work({ name });
      } finally {
        if (tails.get(name) === mine) tails.delete(name);
        release();
      }
    },
  };
}

/** mulberry32 */
function seededRandom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
