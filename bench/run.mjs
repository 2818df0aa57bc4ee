// Runs every workload in real Chromium, ours and the peers' interleaved with the floors, each in a fresh page, and
// compares them by ratio: seconds differ between machines, ratios hardly do.
//   npm run bench          all; installs the peers, writes bench/results/bench.json, docs/charts, the table in docs/performance.md and the charts in README.md
//   npm run bench:quick    ours and floors; fails if a ratio is twice what bench/ratios.json has
//     -- --only <text in a workload's id> --who <text in a name> --rounds <n>     prints only
//     -- --profile        where the time of ours goes
//     -- --keep           with bench:quick: what is measured is what the next ones are compared with
import { parseArgs } from 'node:util';
import { openBrowser } from './browser.mjs';
import { CHART_LINKS, draw } from './charts.mjs';
import { compare, keep } from './guard.mjs';
import { installPeers, versionsOf } from './peers/install.mjs';
import { hottest } from './profile.mjs';
import { machine, save, summarise, table, writeSection, writeTable } from './report.mjs';
import { servePages } from './servePage.mjs';
import { sizes } from './sizes.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    who: { type: 'string', default: '' },
    rounds: { type: 'string' },
    profile: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const part = options.only !== '' || options.who !== '' || options.profile;
const peers = !options.quick && !options.profile;
const rounds = Number(options.rounds ?? (options.profile ? 3 : options.quick ? 3 : 7));

// Each gets so much time, or two rounds: some peers take half a minute for one.
const MS_EACH = options.quick ? 4_000 : 30_000;
const LEAST_ROUNDS = 2;
const TIMEOUT_MS = 30_000;
// The rounds after the first have so much time. Some peers take minutes for one; that takes nothing from the others.
const BUDGET_MS = options.quick ? 50_000 : 5 * 60_000;
let budgetEndsAt = Infinity;
const timeIsLeft = () => performance.now() < budgetEndsAt;

if (peers) installPeers();
const pages = await servePages({ peers, readable: options.profile });
const profiles = [];
const browser = await openBrowser(options.profile && ((profile) => profiles.push(profile)));
let failed = false;
try {
  const { workloads, cases } = await plan();
  for (const one of cases) if (one.prepared) await prepare(one);
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`round ${round} of ${rounds}\n`);
    for (const one of cases) if (round <= one.most && timeIsLeft()) await measure(one);
    if (round === 1) budgetEndsAt = performance.now() + BUDGET_MS;
  }
  const results = summarise(workloads, cases);
  const bundles = part || options.quick ? [] : await sizes();
  console.log(table(results, bundles));
  if (options.profile) console.log(hottest(profiles));
  failed = cases.some(({ page, runs }) => page === 'ours' && runs.some((run) => run.wrong ?? run.unfinished));
  if (options.quick && !options.profile && !failed) {
    if (options.keep) await keep(results);
    else failed = await regressed(results, workloads, cases);
  }
  if (peers && !part) {
    const userAgent = await browser.inPage(pages.ours, (page) => page.evaluate(() => navigator.userAgent));
    const date = new Date().toISOString().slice(0, 10);
    const report = {
      date,
      machine: machine(userAgent),
      rounds,
      versions: versionsOf(),
      workloads: results,
      bundles,
    };
    await save('bench', report);
    await draw(report);
    await writeTable(report);
    await writeSection('README.md', 'charts', CHART_LINKS);
  }
} finally {
  await browser.close();
  await pages.close();
}
process.exit(failed ? 1 : 0);

/** Every workload, and who does it: floors first, because ratios are to the first of them. */
async function plan() {
  const list = (page) =>
    browser.inPage(pages[page], (p) => p.evaluate(() => globalThis.holdfastBench.list()));
  const ours = await list('ours');
  const subjects = ours.subjects.map((subject) => ({ ...subject, page: 'ours' }));
  if (peers)
    subjects.push(...(await list('peers')).subjects.map((subject) => ({ ...subject, page: 'peers' })));
  const workloads = ours.workloads.filter(
    ({ id, long }) => id.includes(options.only) && !(long && options.quick && !part),
  );
  const cases = workloads.flatMap((workload) => {
    const { id, floors, parts, general, prepared } = workload;
    const made = (kind, who, more) => ({
      workload: id,
      kind,
      who,
      page: 'ours',
      runs: [],
      most: rounds,
      ...more,
    });
    const wanted = subjects.filter(
      ({ page, variant }) =>
        general && (page === 'ours' || !workload.ours) && (!variant || workload.variants),
    );
    const all = [
      ...(options.quick && !part ? floors.slice(0, 1) : floors).map((who, i) =>
        made('floor', who, { prepared: prepared && i === 0 }),
      ),
      ...parts.map((who) => made('part', who)),
      ...wanted.map(({ name, page, without }) =>
        made('subject', name, { page, prepared, without: without[id] }),
      ),
    ];
    return all.filter(({ kind, who }, i) =>
      options.profile
        ? kind !== 'floor' && who.includes(options.who)
        : (kind === 'floor' && i === 0) || who.includes(options.who),
    );
  });
  return {
    workloads,
    cases: cases.map((one) => (one.without === undefined ? one : { ...one, most: 0, prepared: false })),
  };
}

async function prepare(one) {
  const { wrong, unfinished } = (await once(one, 'prepare')) ?? {};
  if (wrong !== undefined) Object.assign(one, { runs: [{ wrong: `before it: ${wrong}` }], most: 0 });
  if (unfinished !== undefined)
    Object.assign(one, { runs: [{ unfinished: `before it: ${unfinished}` }], most: 0 });
}

async function measure(one) {
  const begun = performance.now();
  const run = await once(one, 'run');
  one.runs.push(run);
  process.stderr.write(
    `${one.workload} · ${one.who}: ${run.value?.toPrecision(3) ?? ''} ${run.wrong ?? run.unfinished ?? ''}\n`,
  );
  if (one.runs.length > 1) return;
  const affordable = Math.floor(MS_EACH / (performance.now() - begun));
  // What did not come to an end will not do better next time.
  one.most = run.value === undefined ? 1 : Math.min(one.most, Math.max(LEAST_ROUNDS, affordable));
}

/** One run in a page of its own. Whatever goes wrong is a result too. */
async function once({ workload, kind, who, page: where }, what) {
  let timer;
  const late = new Promise((resolve) => {
    const unfinished = `did not finish within ${TIMEOUT_MS / 1e3} s`;
    timer = setTimeout(() => resolve({ unfinished }), TIMEOUT_MS);
  });
  try {
    const work = browser.inPage(pages[where], (page) => {
      const does = page.evaluate(([w, c]) => globalThis.holdfastBench[w](c), [what, { workload, kind, who }]);
      return Promise.race([does, late]);
    });
    return await work;
  } catch (error) {
    return { wrong: `failed: ${String(error.message).split('\n')[0].slice(0, 200)}` };
  } finally {
    clearTimeout(timer);
  }
}

/** On a busy machine a ratio is off now and then; what looks worse is measured again before it is believed. */
async function regressed(results, workloads, cases) {
  const suspects = compare(results);
  if (suspects.length === 0) return false;
  console.log(`Measured again: ${suspects.map(({ name }) => name).join('; ')}`);
  const again = cases.filter(({ workload }) => suspects.some(({ id }) => id === workload));
  for (let round = 0; round < 2 * rounds && (round < 2 || timeIsLeft()); round++)
    for (const one of again) one.runs.push(await once(one, 'run'));
  const still = compare(summarise(workloads, cases));
  for (const { name, was, is } of still)
    console.log(`REGRESSION ${name}: × ${is.toFixed(2)} of the floor, was × ${was.toFixed(2)}`);
  return still.length > 0;
}
