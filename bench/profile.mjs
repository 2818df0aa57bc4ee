// Where the time goes, from CPU profiles: which functions were on top of the stack, and which anywhere in it.
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join } from 'node:path';
import { OUT } from './servePage.mjs';

export function hottest(profiles) {
  const self = new Map();
  const within = new Map();
  let total = 0;
  for (const { nodes, samples, timeDeltas } of profiles) {
    const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
    const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
    samples.forEach((id, i) => {
      if (names.get(id) === '(idle)') return;
      total += timeDeltas[i];
      add(self, names.get(id), timeDeltas[i]);
      const stack = new Set();
      for (let at = id; at !== undefined; at = parents.get(at)) stack.add(names.get(at));
      for (const name of stack) add(within, name, timeDeltas[i]);
    });
  }
  within.delete('(root)');
  const list = (title, times) => [
    '',
    title,
    ...[...times]
      .sort(([, a], [, b]) => b - a)
      .slice(0, 25)
      .map(([name, us]) => {
        const ms = (us / 1e3 / profiles.length).toFixed(1);
        return `  ${((100 * us) / total).toFixed(1).padStart(5)} %  ${ms.padStart(8)} ms  ${name}`;
      }),
  ];
  const ms = (total / 1e3 / profiles.length).toFixed(0);
  return [
    ...list(`on top, of ${ms} ms per timed part`, self),
    ...list('with all that is called, of ours', ours(within)),
  ].join('\n');
}

const add = (times, name, us) => times.set(name, (times.get(name) ?? 0) + us);

const ours = (times) => [...times].filter(([name]) => name.includes(' src/'));

function nameOf({ functionName, url, lineNumber, columnNumber }) {
  if (functionName.startsWith('(') || url === '') return functionName;
  return `${functionName || 'anonymous'} ${sourceOf(new URL(url).pathname, lineNumber, columnNumber)}`;
}

const maps = new Map();

function sourceOf(path, line, column) {
  const file = join(OUT, `${path}.map`);
  if (!maps.has(path))
    maps.set(path, existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, 'utf8'))) : undefined);
  const { originalSource = path, originalLine = line } = maps.get(path)?.findEntry(line, column) ?? {};
  return `${originalSource.replaceAll('../', '')}:${originalLine + 1}`;
}
