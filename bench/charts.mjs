// Draws charts for the README from the results: plain SVG that follows the reader's light or dark scheme.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { number } from './report.mjs';

const FOLDER = join(import.meta.dirname, '../docs/charts');

const CHARTS = {
  edit: ['apply-1000', 'apply-100000', 'apply-unsettled', 'dom'],
  sync: ['durable', 'drain-10000', 'drain-1000', 'boot'],
};

const WIDTH = 900;
const LABEL = 216;
const VALUE = 92;
const BAR = WIDTH - LABEL - VALUE;
const ROW = 22;
const HEAD = 40;

export async function draw({ workloads, bundles }) {
  await mkdir(FOLDER, { recursive: true });
  const panelOf = (id) => workloads.filter((workload) => workload.id === id).map(panel);
  for (const [name, ids] of Object.entries(CHARTS)) await write(name, ids.flatMap(panelOf));
  const size = {
    title: 'bundle, minified and compressed, React left out',
    unit: 'kB',
    bars: bundles.map(({ name, kB }) => ({ who: name.replaceAll('`', ''), value: kB })),
  };
  await write('weight', [...panelOf('heap'), size]);
}

/** The first floor, ours, and the peers. */
function panel({ name, unit, results }) {
  const floor = results.find(({ kind }) => kind === 'floor');
  const others = results.filter(
    ({ kind, who, page }) => kind === 'subject' && (page === 'peers' || who === 'Holdfast'),
  );
  const bars = [floor, ...others]
    .filter((result) => result !== undefined)
    .map(({ kind, who, median, min, max, wrong, without }) => ({
      who: kind === 'floor' ? `floor: ${who}` : who,
      floor: kind === 'floor',
      value: median,
      min,
      max,
      note:
        without !== undefined
          ? '–'
          : wrong !== undefined
            ? median === undefined
              ? 'no result'
              : 'wrong'
            : '',
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
    bars.forEach(({ who, floor, value, min, max, note }, i) => {
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
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-label="${escape(panels.map(({ title }) => title).join('; '))}">
<style>${STYLE}</style>
<rect class="page" width="100%" height="100%"/>
${parts.filter(Boolean).join('\n')}
</svg>
`;
  await writeFile(join(FOLDER, `${name}.svg`), svg);
}

const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.page { fill: #ffffff } .title { font-weight: 600; font-size: 13px } .own { font-weight: 600 } .end { text-anchor: end } .axis { fill: #59636e }
.bar { fill: #8c959f } .bar.own { fill: #0969da } .bar.floor { fill: #d1d9e0 }
.grid { stroke: #d1d9e0; stroke-width: 1 } .range { stroke: #1f2328; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 } text { fill: #f0f6fc } .axis { fill: #9198a1 } .bar { fill: #656c76 } .bar.own { fill: #4493f8 } .bar.floor { fill: #3d444d }
  .grid { stroke: #3d444d } .range { stroke: #f0f6fc }
}
`;

const round = (n) => Math.max(1, Math.round(n * 10) / 10);
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const text = (x, y, content, kind) =>
  `<text x="${round(x)}" y="${y}" class="${kind}">${escape(content)}</text>`;
const line = (x, from, to, kind) =>
  `<line x1="${round(x)}" x2="${round(x)}" y1="${from}" y2="${to}" class="${kind}"/>`;
const range = (from, to, y) =>
  `<line x1="${round(from)}" x2="${round(to)}" y1="${y}" y2="${y}" class="range"/>`;

function powers(low, high) {
  const all = [];
  for (let power = 10 ** Math.ceil(Math.log10(low)); power <= high; power *= 10) all.push(power);
  return all;
}
