// What reading costs, in real Chromium against the reference server on PostgreSQL: a first pull of 100,000 rows against
// the floor of fetch + bulkPut, a delta against a full pull, how soon an edit is seen on another device, idle requests.
//   npm run bench:reads    all; writes bench/results/reads.json and the table in docs/pulling.md
//     -- --only <text in a part's name> --rows <n> --rounds <n>     prints only
//     -- --only first --tasks      what the longest tasks are busy with
//     -- --only first --profile    where the time goes
import { parseArgs } from 'node:util';
import { heap, openBrowser } from '../browser.mjs';
import { hottest } from '../profile.mjs';
import { machine, median, number, save, writeSection } from '../report.mjs';
import { endTrace, startTrace } from '../trace.mjs';
import { openWorld } from './world.mjs';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    tasks: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
});
const ROWS = Number(options.rows);
const explains = options.tasks || options.profile;
const rounds = explains ? 1 : Number(options.rounds);
const SPEED = 100; // of the clock of idle clients
const MINUTES = 20;
const profiles = [];
const WHAT = {
  ms: 'until all is there',
  longest: 'longest task',
  busiest: 'most processor time of a task',
  peak: 'peak heap',
  held: 'heap after it',
};

const PARTS = { 'first pull': firstPull, delta, 'other device': otherDevice, idle };

const world = await openWorld(ROWS, { readable: explains });
const lines = [];
let userAgent = '';
try {
  for (const [name, measure] of Object.entries(PARTS)) {
    if (!name.includes(options.only)) continue;
    process.stderr.write(`${name}\n`);
    lines.push(...(await measure()));
  }
  userAgent = await inBrowser((page) => page.evaluate(() => navigator.userAgent));
} finally {
  await world.close();
}
const table = markdown(lines);
console.log(table);
if (options.profile) console.log(hottest(profiles));
if (options.only === '' && ROWS === 100_000 && !explains) {
  const report = { date: new Date().toISOString().slice(0, 10), machine: machine(userAgent), rounds, lines };
  await save('reads', report);
  const { cores, cpu, browser } = report.machine;
  const made = `${report.date}, ${cores} cores (${cpu}), ${browser}, PostgreSQL 15; medians of ${rounds} rounds.`;
  await writeSection('docs/pulling.md', 'reads', `${made}\n\n${table}`);
}

async function firstPull() {
  const pull = (list) => (page) => page.evaluate((how) => reads.pull(how), { name: 'first', list });
  const checked = (list) => async (page) => {
    const [count, shown, sorted] = await page.evaluate(() => [reads.count(), reads.shown(), reads.list()]);
    if (count !== ROWS) throw new Error(`bench: ${count} of ${ROWS} rows are there`);
    if (shown.length < 10) throw new Error(`bench: progress was shown ${shown.length} times`);
    if (list && sorted.join() !== Array.from({ length: 20 }, (_, i) => `task-${i}`).join())
      throw new Error(`bench: the list shows ${sorted.join(', ')}`);
  };
  const cases = [
    { name: 'fetch + bulkPut', work: (page) => page.evaluate(() => reads.floor('floor', 1_000)) },
    { name: 'fetch, kept in memory', work: (page) => page.evaluate(() => reads.hold(1_000)) },
    { name: 'client, its progress on the screen', work: pull(false), check: checked(false) },
    { name: 'the same and a sorted list of 20', work: pull(true), check: checked(true) },
  ].filter((_, i) => !explains || i > 1);
  const runs = cases.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [i, one] of cases.entries()) runs[i].push(await measured(one));
  const of = (i, what) => runs[i].map((run) => run[what]);
  const line = (i, what, unit, floor) => ({
    what: `first pull, ${WHAT[what]}: ${cases[i].name}`,
    unit,
    values: of(i, what),
    ...(floor !== undefined && i > floor && { ratios: ratios(of(i, what), of(floor, what)) }),
  });
  if (explains) return cases.map((_, i) => line(i, 'ms', 'ms'));
  return [
    ...[0, 2, 3].map((i) => line(i, 'ms', 'ms', 0)),
    ...[0, 2, 3].map((i) => line(i, 'longest', 'ms', 0)),
    ...[0, 2, 3].map((i) => line(i, 'busiest', 'ms', 0)),
    ...[0, 1, 2, 3].map((i) => line(i, 'peak', 'MiB', 0)),
    ...[1, 2, 3].map((i) => line(i, 'held', 'MiB', 1)),
  ];
}

async function delta() {
  return inBrowser(async (page) => {
    const bytes = async (work) => {
      const before = world.sent();
      await work();
      return (world.sent() - before) / 2 ** 20;
    };
    const first = await bytes(() => page.evaluate(() => reads.pull({ name: 'delta' })));
    const changed = ROWS / 100;
    await world.edit(Array.from({ length: changed }, (_, i) => i * 100));
    const some = await bytes(() => page.evaluate(() => reads.sync()));
    const full = await bytes(() => page.evaluate(() => reads.full()));
    return [
      { what: 'first pull, bytes', unit: 'MiB', values: [first] },
      { what: 'full pull, bytes', unit: 'MiB', values: [full] },
      {
        what: `delta after 1 % has changed (${changed} rows), bytes; to the full pull`,
        unit: 'MiB',
        values: [some],
        ratios: [some / full],
      },
    ];
  });
}

async function otherDevice() {
  return inBrowser((one) =>
    inBrowser(async (other) => {
      for (const page of [one, other])
        await page.evaluate(() => reads.pull({ name: 'device', realtime: true }));
      const trip = await one.evaluate(() => reads.roundTrip());
      const times = [];
      for (let i = 0; i < 30; i++) {
        const id = `task-${i}`;
        const title = `edited ${i} at ${Date.now()}`;
        const seen = other.evaluate(([a, b]) => reads.seen(a, b), [id, title]);
        await other.evaluate(() => 0); // it listens
        const at = await one.evaluate(([a, b]) => reads.edit(a, b), [id, title]);
        times.push((await seen) - at);
      }
      return [
        { what: 'a round trip', unit: 'ms', values: [trip] },
        {
          what: 'an edit is seen on the other device (push, poke, pull); to three round trips',
          unit: 'ms',
          values: times,
          ratios: times.map((ms) => ms / (3 * trip)),
        },
      ];
    }),
  );
}

async function idle() {
  const found = [];
  for (const realtime of [false, true])
    found.push(
      await inBrowser(async (page) => {
        const how = { name: 'idle', realtime, speed: SPEED };
        await page.evaluate((opening) => reads.pull(opening), how);
        await page.waitForTimeout(1_000); // what follows the start
        const before = world.requests();
        await page.waitForTimeout((MINUTES * 60_000) / SPEED);
        return (world.requests() - before) / MINUTES;
      }),
    );
  const [polls, connected] = found;
  return [
    { what: 'idle, without realtime', unit: 'requests/min', values: [polls] },
    {
      what: 'idle, with a WebSocket',
      unit: 'requests/min',
      values: [connected],
      ratios: [connected / polls],
    },
  ];
}

/** Does the work in an empty profile, twice: its tasks are traced once, its heap is sampled the other time. */
async function measured({ work, check = () => undefined }) {
  const once = (how) =>
    inBrowser(
      async (page, session) => {
        const found = await how(session, () => work(page));
        await check(page);
        return found;
      },
      options.profile && ((profile) => profiles.push(profile)),
    );
  if (options.profile) return { ms: await once((_session, does) => does()) };
  const timed = await once(traced);
  return options.tasks ? timed : { ...timed, ...(await once(heapOf)) };
}

async function traced(session, work) {
  await startTrace(session);
  const ms = await work();
  const tasks = await endTrace(session);
  if (options.tasks)
    for (const { ms: wall, busyMs, parts } of tasks.sort((a, b) => b.busyMs - a.busyMs).slice(0, 12))
      console.log(`   ${wall.toFixed(1)} ms (${busyMs.toFixed(1)} busy): ${parts().join(', ')}`);
  return { ms, longest: tasks[0].ms, busiest: Math.max(...tasks.map(({ busyMs }) => busyMs)) };
}

async function heapOf(session, work) {
  let peak = 0;
  let over = false;
  const before = (await heap(session)).bytes;
  const sampling = (async () => {
    while (!over) {
      const { usedSize } = await session.send('Runtime.getHeapUsage');
      peak = Math.max(peak, usedSize);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  })();
  await work();
  over = true;
  await sampling;
  const held = (await heap(session)).bytes;
  return { peak: (peak - before) / 2 ** 20, held: (held - before) / 2 ** 20 };
}

async function inBrowser(work, profiled) {
  const browser = await openBrowser(profiled);
  try {
    return await browser.inPage(world.page, work);
  } finally {
    await browser.close();
  }
}

function ratios(ours, floors) {
  return ours.map((value, i) => value / floors[i]);
}

function markdown(all) {
  const rows = all.map(({ what, unit, values, ratios: to }) => {
    const spread =
      values.length > 1 ? ` (${number(Math.min(...values))}–${number(Math.max(...values))})` : '';
    return `| ${what} | ${number(median(values))} ${unit}${spread} | ${to === undefined ? '' : `× ${number(median(to))}`} |`;
  });
  return ['| what | median (range) | to the floor |', '| --- | --: | --: |', ...rows].join('\n');
}
