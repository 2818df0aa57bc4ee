// Workbox: https://developer.chrome.com/docs/workbox/modules/workbox-background-sync#advanced_usage, a Queue, "adding a
// request to the Queue", and its "statusPlugin": an answer of 500 and more is queued too. The browser's part is played
// here: a sync event as soon as it is online, and again 5 minutes after one that failed.
import { fetchOf } from '../lib/fetchOf.mjs';

const tags = new Set(); // the browser's: they outlive the process
let processes = 0;

async function start(line) {
  globalThis.fetch = fetchOf(line);
  globalThis.registration = {
    sync: {
      async register(tag) {
        tags.add(tag);
        setTimeout(fire);
      },
    },
  };
  globalThis.addEventListener('online', fire);
  // Evaluated anew, as in a new process: the names of queues are kept in the module.
  const module = new URL(`../node_modules/workbox-background-sync/Queue.js?${processes++}`, import.meta.url);
  const { Queue } = await import(module);
  return new Queue('rows');
}

function fire() {
  if (!navigator.onLine) return;
  for (const tag of tags) {
    tags.delete(tag);
    const again = () => {
      tags.add(tag);
      setTimeout(fire, 5 * 60_000);
    };
    dispatchEvent(Object.assign(new Event('sync'), { tag, waitUntil: (done) => done.catch(again) }));
  }
}

function open(line) {
  const ready = start(line);
  return {
    ready,
    async change(change) {
      const request = new Request('https://app.example/rows/1', {
        method: 'PATCH',
        body: JSON.stringify(change),
      });
      try {
        const response = await fetch(request.clone());
        if (response.status >= 500) throw new Error('Server error.');
      } catch {
        await (await ready).pushRequest({ request });
      }
    },
  };
}

const noState = 'a queue of requests; it has no state';
export default [
  {
    name: 'Workbox background sync',
    packages: ['workbox-background-sync'],
    docs: 'https://developer.chrome.com/docs/workbox/modules/workbox-background-sync',
    used: 'Queue, statusPlugin; the sync event is simulated',
    without: { rollback: noState, increment: noState },
    open,
  },
];
