// Draws charts for the README from the results: plain SVG that follows the reader's light or dark scheme.
import { number } from './report.mjs';
import { line, powers, range, round, text, writeSvg } from './svg.mjs';

const CHARTS = {
  edit: ['apply-1000', 'apply-100000', 'apply-unsettled', 'dom'],
  sync: ['durable', 'drain-10000', 'drain-1000', 'boot'],
};

const WIDTH = 900;
const LABEL = 300;
const VALUE = 92;
const BAR = WIDTH - LABEL - VALUE;
const ROW = 22;
const HEAD = 40;

/** The charts that {@link draw} makes, as Markdown of the README. */
export const CHART_LINKS = [
  ['edit', 'What an edit costs until it is seen'],
  ['sync', 'What storing, sending and starting cost'],
  ['weight', 'Memory and bundle size'],
]
  .map(([name, what]) => `![${what}: floor, Holdfast and peers](docs/charts/${name}.svg)`)
  .join('\n\n');

export async function draw({ workloads, bundles }) {
  const panelOf = (id) => workloads.filter((workload) => workload.id === id).map(panel);
  for (const [name, ids] of Object.entries(CHARTS)) await write(name, ids.flatMap(panelOf));
  const size = {
    title: 'bundle, minified and compressed, React left out',
    unit: 'kB',
    bars: bundles.map(({ name, kB }) => ({ who: name.replaceAll('`', ''), value: kB })),
  };
  await write('weight', [...panelOf('heap'), size]);
}

function noteOf({ median, wrong, unfinished, without }) {
  if (without !== undefined) return '–';
  if (median === undefined) return 'no result';
  if (wrong !== undefined) return 'wrong';
  return unfinished === undefined ? '' : 'or unfinished';
}

/** The first floor, ours, and the peers. */
function panel({ name, unit, results }) {
  const floor = results.find(({ kind }) => kind === 'floor');
  const others = results.filter(
    ({ kind, who, page }) => kind === 'subject' && (page === 'peers' || who === 'Holdfast'),
  );
  const bars = [floor, ...others]
    .filter((result) => result !== undefined)
    .map(({ kind, who, median, min, max, wrong, unfinished, without }) => ({
      who: kind === 'floor' ? `floor: ${who}` : who,
      floor: kind === 'floor',
      value: median,
      min,
      max,
      note: noteOf({ median, wrong, unfinished, without }),
    }));
  return { title: name, unit, bars };
}

async function write(name, panels) {
  let y = 0;
  const parts = [];
  for (const { title, unit, bars } of panels) {
    const values = bars
      .flatMap(({ value, min = value, max = value }) => [value, min, max])
      .filter((n) => n > 0);
    const [low, high] = [Math.min(...values) / 1.5, Math.max(...values)];
    const x = (n) => LABEL + (BAR * Math.log(Math.max(n, low) / low)) / Math.log(high / low);
    parts.push(
      text(0, y + 22, title, 'title'),
      text(WIDTH, y + 22, `${unit}, less is better, log scale`, 'axis end'),
    );
    for (const power of powers(low, high))
      parts.push(line(x(power), y + 32, y + HEAD + bars.length * ROW, 'grid'));
    bars.forEach(({ who, floor, value, min, max, note = '' }, i) => {
      const top = y + HEAD + i * ROW;
      const ours = who.startsWith('Holdfast');
      parts.push(text(LABEL - 8, top + 13, who, ours ? 'end own' : 'end'));
      if (value === undefined) return parts.push(text(LABEL + 4, top + 13, note, 'axis'));
      const kind = ours ? 'bar own' : floor || who.startsWith('dexie') ? 'bar floor' : 'bar';
      parts.push(
        `<rect class="${kind}" x="${LABEL}" y="${top + 3}" width="${round(x(value) - LABEL)}" height="12" rx="2"/>`,
        min === undefined ? '' : range(x(min), x(max), top + 9),
        text(x(max ?? value) + 6, top + 13, `${number(value)}${note && ` ${note}`}`, ours ? 'own' : ''),
      );
    });
    y += HEAD + bars.length * ROW + 14;
  }
  await writeSvg(name, panels.map(({ title }) => title).join('; '), WIDTH, y, parts);
}
