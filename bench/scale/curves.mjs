// Cost curves in real Chromium: what one edit, one change of a live query, a boot, a settlement and the heap cost with ever
// more rows and ever more pending mutations.
import { openBrowser } from '../browser.mjs';
import { servePages } from '../servePage.mjs';

const TIMEOUT_MS = 240_000;

const BY = [
  {
    name: 'rows, 1,000 pending',
    axis: 'rows',
    points: [1e3, 1e4, 1e5, 1e6].map((rows) => ({ rows, pending: 1e3 })),
  },
  {
    name: 'pending, 10,000 rows',
    axis: 'pending',
    points: [1e2, 1e3, 1e4, 1e5].map((pending) => ({ rows: 1e4, pending })),
  },
];

/** `[{ name, axis, points: [{ rows, pending, costs: { what: number } } | { …, wrong }] }]` */
export async function curves({ most }) {
  const pages = await servePages({ peers: false, readable: false });
  try {
    const measured = [];
    for (const { points, ...by } of BY) {
      const all = [];
      for (const point of points.filter(({ rows, pending }) => rows <= most && pending <= most)) {
        const { costs, wrong } = await measure(pages.ours, point);
        process.stderr.write(`curves: ${JSON.stringify(point)} ${JSON.stringify(costs)} ${wrong ?? ''}\n`);
        all.push({ ...point, costs, ...(wrong && { wrong }) });
      }
      measured.push({ ...by, points: all });
    }
    return measured;
  } finally {
    await pages.close();
  }
}

/** Each point in a browser of its own: nothing of the one before is in its caches or on its disk. */
async function measure(url, point) {
  const browser = await openBrowser();
  const costs = {};
  try {
    for (const what of ['open', 'bootAndSettle']) {
      const work = browser.inPage(url, (page) =>
        page.evaluate(([w, p]) => globalThis.holdfastBench.curves(w, p), [what, point]),
      );
      Object.assign(costs, await within(work));
    }
    return { costs };
  } catch (error) {
    return { costs, wrong: String(error.message).split('\n')[0].slice(0, 200) };
  } finally {
    await browser.close();
  }
}

async function within(work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`did not finish within ${TIMEOUT_MS / 1e3} s`)), TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
