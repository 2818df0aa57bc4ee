// What the charts are drawn with: plain SVG that follows the reader's light or dark scheme.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../docs/charts');

export async function writeSvg(name, label, width, height, parts) {
  await mkdir(FOLDER, { recursive: true });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(label)}">
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
.curve { fill: none; stroke-width: 2; stroke: currentColor } .dot { fill: currentColor } .label { fill: currentColor }
.c0 { color: #0969da } .c1 { color: #cf222e } .c2 { color: #1a7f37 } .c3 { color: #8250df } .c4 { color: #9a6700 }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 } text { fill: #f0f6fc } .axis { fill: #9198a1 } .bar { fill: #656c76 } .bar.own { fill: #4493f8 } .bar.floor { fill: #3d444d }
  .grid { stroke: #3d444d } .range { stroke: #f0f6fc }
  .c0 { color: #4493f8 } .c1 { color: #f85149 } .c2 { color: #3fb950 } .c3 { color: #ab7df8 } .c4 { color: #d29922 }
}
`;

export const round = (n) => Math.max(1, Math.round(n * 10) / 10);
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
export const text = (x, y, content, kind) =>
  `<text x="${round(x)}" y="${y}" class="${kind}">${escape(content)}</text>`;
export const line = (x, from, to, kind) =>
  `<line x1="${round(x)}" x2="${round(x)}" y1="${from}" y2="${to}" class="${kind}"/>`;
export const range = (from, to, y) =>
  `<line x1="${round(from)}" x2="${round(to)}" y1="${y}" y2="${y}" class="range"/>`;

/** The powers of ten from `low` to `high`. */
export function powers(low, high) {
  const all = [];
  for (let power = 10 ** Math.ceil(Math.log10(low)); power <= high; power *= 10) all.push(power);
  return all;
}
