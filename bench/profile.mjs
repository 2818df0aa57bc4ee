// Where the time goes: the functions that were on top of the stack most often.
export function hottest(profiles, count = 25) {
  const self = new Map();
  let total = 0;
  for (const { nodes, samples, timeDeltas } of profiles) {
    const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
    samples.forEach((id, i) => {
      const { functionName, url, lineNumber } = byId.get(id);
      if (functionName === '(idle)') return;
      const file = url.slice(url.lastIndexOf('/') + 1);
      const key = functionName.startsWith('(')
        ? functionName
        : `${functionName || 'anonymous'} ${file}:${lineNumber + 1}`;
      self.set(key, (self.get(key) ?? 0) + timeDeltas[i]);
      total += timeDeltas[i];
    });
  }
  const top = [...self].sort(([, a], [, b]) => b - a).slice(0, count);
  const lines = top.map(
    ([name, us]) =>
      `  ${((100 * us) / total).toFixed(1).padStart(5)} %  ${(us / 1e3 / profiles.length).toFixed(1).padStart(7)} ms  ${name}`,
  );
  return [
    '',
    `self time per run, of ${(total / 1e3 / profiles.length).toFixed(0)} ms not idle`,
    ...lines,
  ].join('\n');
}
