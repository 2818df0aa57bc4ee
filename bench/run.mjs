// Runs every workload in real Chromium, subjects interleaved with their floors, each in a fresh page, and compares
// them by ratio: seconds differ between machines, ratios hardly do.
//   npm run bench | npm run bench:quick   [-- --only <text> --subject <text> --rounds <n> --save <name> --sizes]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright';
import { chromeLaunchOptions } from '../scripts/chrome.mjs';
import { servePage } from './servePage.mjs';
import { machine, save, sizes, summarise, table } from './report.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
    subject: { type: 'string', default: '' },
    sizes: { type: 'boolean', default: false },
    save: { type: 'string', default: 'latest' },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 5 : 15));

const server = await servePage();
const profile = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
// A profile on disk: without one, Chromium keeps IndexedDB in memory.
const browser = await chromium.launchPersistentContext(profile, chromeLaunchOptions());
try {
  const workloads = (await inPage((page) => page.evaluate(() => globalThis.holdfastBench.list())))
    .map((workload, index) => ({ ...workload, index }))
    .filter((workload) => workload.name.includes(options.only));
  const cases = workloads.flatMap(({ subjects, ...workload }) =>
    subjects
      .filter((subject, i) => i === 0 || subject.includes(options.subject))
      .map((subject) => ({ ...workload, subject, samples: [], counts: undefined })),
  );
  for (const { index, prepared } of workloads)
    if (prepared) await inPage((page) => page.evaluate((i) => globalThis.holdfastBench.prepare(i), index));
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`round ${round} of ${rounds}\n`);
    for (const one of cases) {
      if (round > mostRounds(one)) continue;
      const { value, counts } = await inPage((page) => run(page, one));
      one.samples.push(value);
      one.counts = counts; // of the last round
    }
  }
  const results = summarise(cases);
  const bundles = options.sizes || options.only === '' ? sizes() : undefined;
  console.log(table(results, bundles));
  const version = await inPage((page) => page.evaluate(() => navigator.userAgent));
  await save(options.save, { machine: machine(version), rounds, results, ...(bundles && { bundles }) });
} finally {
  await browser.close();
  await server.close();
  await rm(profile, { recursive: true, force: true });
}

/** The heap hardly varies, and filling it takes long. */
function mostRounds({ unit, long }) {
  return unit === 'heap MiB' || (long && options.quick) ? 2 : rounds;
}

async function inPage(work) {
  const page = await browser.newPage();
  try {
    await page.goto(server.url);
    await page.waitForFunction(() => globalThis.holdfastBench !== undefined);
    return await work(page);
  } finally {
    await page.close();
  }
}

async function run(page, { index, subject, unit, operations = 1 }) {
  const before = unit === 'heap MiB' ? await heapBytes(page) : 0;
  const measured = await page.evaluate(([i, s]) => globalThis.holdfastBench.run(i, s), [index, subject]);
  switch (unit) {
    case 'ms':
      return { value: measured.ms, counts: measured.counts };
    case 'µs each':
      return { value: (measured.ms * 1e3) / operations, counts: measured.counts };
    case 'ns each':
      return { value: (measured.ms * 1e6) / operations, counts: measured.counts };
    case 'heap MiB':
      return { value: ((await heapBytes(page)) - before) / 2 ** 20, counts: measured.counts };
  }
}

async function heapBytes(page) {
  const session = await page.context().newCDPSession(page);
  for (let i = 0; i < 3; i++) await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  await session.detach();
  return usedSize;
}
