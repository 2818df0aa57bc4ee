// Lines over two logarithmic axes: where a line is level a cost does not grow, where it rises by a decade per decade it grows
// in proportion.
import { number } from '../report.mjs';
import { line, powers, round, text, writeSvg } from '../svg.mjs';

const PANEL = { width: 900, height: 300, left: 64, right: 260, top: 34, bottom: 40 };

/** `panels`: `{ title, x, y, lines: [{ name, points: [[x, y]] }] }`, one under the other. */
export async function drawLines(name, panels) {
  const parts = panels.flatMap((panel, i) => drawPanel(panel, i * PANEL.height));
  await writeSvg(
    name,
    panels.map(({ title }) => title).join('; '),
    PANEL.width,
    panels.length * PANEL.height,
    parts,
  );
}

function drawPanel({ title, x: xName, y: yName, lines }, offset) {
  const all = lines.flatMap(({ points }) => points);
  const scale = (values, from, to) => {
    const [low, high] = [
      10 ** Math.floor(Math.log10(Math.min(...values))),
      10 ** Math.ceil(Math.log10(Math.max(...values))),
    ];
    const at = (n) => from + ((to - from) * Math.log(n / low)) / Math.log(high / low || 10);
    return { at, powers: powers(low, high) };
  };
  const right = PANEL.width - PANEL.right;
  const [top, bottom] = [offset + PANEL.top, offset + PANEL.height - PANEL.bottom];
  const x = scale(
    all.map(([n]) => n),
    PANEL.left,
    right,
  );
  const y = scale(
    all.map(([, n]) => n),
    bottom,
    top,
  );
  const label = (n) =>
    n >= 1e6 ? `${n / 1e6}M` : n >= 1e3 ? `${n / 1e3}k` : String(Number(n.toPrecision(3)));
  const parts = [
    text(0, offset + 16, title, 'title'),
    text(right, bottom + 34, xName, 'axis end'),
    text(0, top - 6, yName, 'axis'),
  ];
  for (const n of x.powers)
    parts.push(line(x.at(n), top, bottom, 'grid'), text(x.at(n) - 8, bottom + 16, label(n), 'axis'));
  for (const n of y.powers)
    parts.push(
      `<line x1="${PANEL.left}" x2="${right}" y1="${round(y.at(n))}" y2="${round(y.at(n))}" class="grid"/>`,
      text(PANEL.left - 6, round(y.at(n)) + 4, label(n), 'axis end'),
    );
  // Names stand where their lines end, and never on top of each other.
  const ends = lines.map(({ points }, i) => ({ i, y: y.at(points.at(-1)[1]) })).sort((a, b) => a.y - b.y);
  let free = -Infinity;
  const nameY = new Map();
  for (const end of ends) {
    free = Math.max(end.y, free + 16);
    nameY.set(end.i, free);
  }
  lines.forEach(({ name, points }, i) => {
    const at = points.map(([px, py]) => [round(x.at(px)), round(y.at(py))]);
    const [, last] = points.at(-1);
    parts.push(
      `<g class="c${i % 5}"><polyline class="curve" points="${at.map((point) => point.join(',')).join(' ')}"/>`,
      ...at.map(([px, py]) => `<circle class="dot" cx="${px}" cy="${py}" r="3"/>`),
      text(right + 10, round(nameY.get(i)) + 4, `${name}: ${number(last)}`, 'label'),
      '</g>',
    );
  });
  return parts;
}
