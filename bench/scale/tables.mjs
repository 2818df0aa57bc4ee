// The results as Markdown.
import { number } from '../report.mjs';
import { fairShare } from './herd.mjs';

const row = (cells) => `| ${cells.join(' | ')} |`;
const head = (cells) => [row(cells), row(cells.map((_, i) => (i === 0 ? '---' : '--:')))];

/** Costs by rows and by pending; growth is the power of the last decade: 0 level, 1 in proportion. */
export function curvesTable(measured) {
  return measured
    .map(({ name, axis, points }) => {
      const whats = [...new Set(points.flatMap(({ costs }) => Object.keys(costs)))];
      const growth = (what) => {
        const [before, last] = points.filter(({ costs }) => costs[what] > 0).slice(-2);
        if (last === undefined) return '–';
        return `n^${(Math.log(last.costs[what] / before.costs[what]) / Math.log(last[axis] / before[axis])).toFixed(2)}`;
      };
      const cell = ({ costs, wrong }, what) =>
        costs[what] === undefined ? (wrong ?? '–') : number(costs[what]);
      return [
        ...head([`by ${name}`, ...points.map((point) => point[axis].toLocaleString('en')), 'last decade']),
        ...whats.map((what) => row([what, ...points.map((point) => cell(point, what)), growth(what)])),
      ].join('\n');
    })
    .join('\n\n');
}

export function herdTable(all) {
  const seconds = (ms) => `${number(ms / 1000)} s`;
  return [
    ...head([
      'cut off, of what',
      'spread',
      'clients',
      'requests',
      'refused',
      'kB',
      'peak in a second',
      'fair share',
      'peak in 0.1 s',
      'longest wait',
      'all decided after',
    ]),
    ...all.map((one) =>
      row([
        `${one.outageMs / 1000} s, the ${one.outage}`,
        seconds(one.spreadMs),
        one.clients,
        one.requests,
        one.refused,
        number(one.bytes / 1000),
        one.peakPerSecond,
        number(fairShare(one)),
        one.peakPerTenth,
        `${number(one.longestWaitMs)} ms`,
        seconds(one.drainedMs),
      ]),
    ),
  ].join('\n');
}

export function instancesTable(all) {
  const shares = (waits) =>
    Object.entries(waits)
      .map(([what, share]) => `${what} ${share} %`)
      .join(', ');
  return [
    ...head([
      'load',
      'instances',
      'connections',
      'mutations/s',
      'p50',
      'p95',
      'cores: instances, load, rest',
      'open transactions wait for',
    ]),
    ...all.map(({ name, instances, connections, mutationsPerSecond, p50, p95, cores, waits }) =>
      row([
        name,
        instances,
        connections,
        mutationsPerSecond.toLocaleString('en'),
        `${number(p50)} ms`,
        `${number(p95)} ms`,
        `${cores.instances}, ${cores.load}, ${cores.rest} of ${cores.of}`,
        shares(waits),
      ]),
    ),
  ].join('\n');
}
