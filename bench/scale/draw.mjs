import { drawLines } from './lines.mjs';

export async function drawScale({ curves, herd, instances }) {
  await drawLines(
    'curves',
    curves.map(({ name, axis, points }) => ({
      title: `cost by ${name}`,
      x: axis,
      y: '',
      lines: linesOf(points, axis),
    })),
  );
  const windows = [
    ...new Set(herd.map(({ outage, outageMs, spreadMs }) => JSON.stringify([outage, outageMs, spreadMs]))),
  ];
  const byWindow = (of) =>
    windows.map((key) => {
      const [outage, outageMs, spreadMs] = JSON.parse(key);
      const name =
        outage === 'server'
          ? `server away ${outageMs / 1e3} s`
          : `network away ${outageMs / 1e3} s, spread ${spreadMs / 1e3} s`;
      const own = herd.filter((one) => JSON.stringify([one.outage, one.outageMs, one.spreadMs]) === key);
      return { name, points: own.map((one) => [one.clients, of(one)]) };
    });
  await drawLines('herd', [
    {
      title: 'requests in the busiest second after an outage',
      x: 'clients',
      y: '',
      lines: byWindow(({ peakPerSecond }) => peakPerSecond),
    },
    {
      title: 'seconds until every edit is decided',
      x: 'clients',
      y: '',
      lines: byWindow(({ drainedMs }) => Math.max(drainedMs, 1) / 1e3),
    },
  ]);
  const plain = instances.filter(({ name }) => name === 'as it is');
  const counts = [...new Set(plain.map((one) => one.instances))];
  const byCount = (of) =>
    counts.map((count) => ({
      name: `${count} instance${count > 1 ? 's' : ''}`,
      points: plain.filter((one) => one.instances === count).map((one) => [one.connections, of(one)]),
    }));
  await drawLines('instances', [
    {
      title: 'mutations a second on one PostgreSQL',
      x: 'connections',
      y: '',
      lines: byCount((one) => one.mutationsPerSecond),
    },
    {
      title: 'milliseconds for a push of 50 mutations, p95',
      x: 'connections',
      y: '',
      lines: byCount((one) => one.p95),
    },
  ]);
}

/** One line per cost, where it was measured. */
function linesOf(points, axis) {
  const whats = [...new Set(points.flatMap(({ costs }) => Object.keys(costs)))];
  return whats
    .map((what) => ({
      name: what,
      points: points.flatMap((point) => (point.costs[what] > 0 ? [[point[axis], point.costs[what]]] : [])),
    }))
    .filter(({ points }) => points.length > 0);
}
