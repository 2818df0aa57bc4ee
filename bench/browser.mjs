// The browser that runs the pages, and what they ask of it (page/host.ts).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { chromeLaunchOptions } from '../scripts/chrome.mjs';

/** `profiled` gets the CPU profile of every timed part. */
export async function openBrowser(profiled) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  // A profile on disk: without one, Chromium keeps IndexedDB in memory.
  const context = await chromium.launchPersistentContext(folder, chromeLaunchOptions());
  const sessions = new WeakMap();
  const sessionOf = async (page) => {
    if (!sessions.has(page)) sessions.set(page, await context.newCDPSession(page));
    return sessions.get(page);
  };
  const expose = (name, answer) =>
    context.exposeBinding(name, async ({ page }, ...args) => answer(await sessionOf(page), ...args));
  await expose('benchHeap', heap);
  await expose('benchTrace', trace);
  if (profiled) await expose('benchProfile', (session, on) => profile(session, on, profiled));
  return {
    async inPage(url, work) {
      const page = await context.newPage();
      try {
        await page.goto(url);
        await page.waitForFunction(() => globalThis.holdfastBench !== undefined);
        return await work(page);
      } finally {
        await page.close();
      }
    },
    async close() {
      await context.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function heap(session) {
  for (let i = 0; i < 3; i++) await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
  return { bytes: usedSize, nodes, listeners: jsEventListeners };
}

/** Records tasks; the end answers with the longest of the page's main thread, in milliseconds. */
async function trace(session, on) {
  if (on) {
    await session.send('Tracing.start', {
      transferMode: 'ReportEvents',
      traceConfig: {
        includedCategories: ['toplevel', '__metadata', 'disabled-by-default-devtools.timeline'],
      },
    });
    return 0;
  }
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  const mains = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid}/${tid}`),
  );
  const tasks = events.filter(
    ({ name, ph, pid, tid }) => ph === 'X' && name === 'RunTask' && mains.has(`${pid}/${tid}`),
  );
  if (tasks.length === 0) throw new Error('bench: the trace has no task of a main thread');
  return Math.max(...tasks.map(({ dur = 0 }) => dur)) / 1e3;
}

async function profile(session, on, profiled) {
  if (on) {
    await session.send('Profiler.enable');
    await session.send('Profiler.setSamplingInterval', { interval: 200 });
    await session.send('Profiler.start');
  } else profiled((await session.send('Profiler.stop')).profile);
}
