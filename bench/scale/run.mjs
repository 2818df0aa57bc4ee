// How costs grow: with rows and pending mutations (real Chromium), with clients that come back together (simulated time),
// with connections and instances of the server (PostgreSQL). Everything measured is checked.
//   npm run bench:scale    all; writes bench/results/scale.json, docs/charts and the tables in docs/scale.md
//     -- --only curves | herd | instances    prints only
//     -- --quick    a tenth of it, printed only
import { parseArgs } from 'node:util';
import { machine, save, writeSection } from '../report.mjs';
import { curves } from './curves.mjs';
import { herd } from './herd.mjs';
import { instances } from './instances.mjs';
import { drawScale } from './draw.mjs';
import { curvesTable, herdTable, instancesTable } from './tables.mjs';

const { values: options } = parseArgs({
  options: { only: { type: 'string' }, quick: { type: 'boolean', default: false } },
});
const { quick } = options;
const PARTS = {
  curves: { measure: () => curves({ most: quick ? 1e4 : 1e6 }), table: curvesTable },
  herd: { measure: () => herd({ most: quick ? 100 : 500 }), table: herdTable },
  instances: {
    measure: () => instances({ ms: quick ? 500 : 3_000, most: quick ? 2 : 4 }),
    table: instancesTable,
  },
};
if (options.only !== undefined && !Object.hasOwn(PARTS, options.only))
  throw new Error(`bench:scale: --only ${Object.keys(PARTS).join(' | ')}, received "${options.only}"`);

const results = {};
for (const [name, { measure, table }] of Object.entries(PARTS)) {
  if (options.only !== undefined && options.only !== name) continue;
  results[name] = await measure();
  console.log(`\n${table(results[name])}`);
}

if (options.only === undefined && !quick) {
  const report = { date: new Date().toISOString().slice(0, 10), machine: machine(''), ...results };
  await save('scale', report);
  await drawScale(report);
  for (const [name, { table }] of Object.entries(PARTS))
    await writeSection(
      'docs/scale.md',
      name,
      `![${name}](charts/${name}.svg)\n\n${report.date}, ${report.machine.cores} cores (${report.machine.cpu}).\n\n${table(report[name])}`,
    );
}
const all = [
  ...(results.curves ?? []).flatMap(({ points }) => points),
  ...(results.herd ?? []),
  ...(results.instances ?? []),
];
for (const { wrong, ...what } of all) if (wrong) console.log(`WRONG: ${wrong} (${JSON.stringify(what)})`);
process.exit(all.some(({ wrong }) => wrong !== undefined) ? 1 : 0);
