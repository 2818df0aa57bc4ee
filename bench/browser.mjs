// The browser that runs the pages, and what they ask of it (page/host.ts). Each has a profile of its own.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { chromeLaunchOptions } from '../scripts/chrome.mjs';
import { endTrace, startTrace } from './trace.mjs';

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
        return await work(page, await sessionOf(page));
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

/** What is alive, after collecting garbage. */
export async function heap(session) {
  for (let i = 0; i < 3; i++) await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
  return { bytes: usedSize, nodes, listeners: jsEventListeners };
}

/** Records tasks; the end answers with the longest of the page's main thread, in milliseconds. */
async function trace(session, on) {
  if (on) await startTrace(session);
  return on ? 0 : (await endTrace(session))[0].ms;
}

async function profile(session, on, profiled) {
  if (on) {
    await session.send('Profiler.enable');
    await session.send('Profiler.setSamplingInterval', { interval: 200 });
    await session.send('Profiler.start');
  } else profiled((await session.send('Profiler.stop')).profile);
}
