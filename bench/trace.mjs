// What the main thread of a page is busy with, task by task.

export async function startTrace(session) {
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: {
      includedCategories: [
        'toplevel',
        '__metadata',
        'devtools.timeline',
        'v8',
        'disabled-by-default-devtools.timeline',
      ],
    },
  });
}

/**
 * The tasks since then, the longest first. `ms` by the clock on the wall, `busyMs` of the processor, which others use, too;
 * `parts`: what took most of it.
 */
export async function endTrace(session) {
  const events = [];
  const collect = ({ value }) => events.push(...value);
  session.on('Tracing.dataCollected', collect);
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  session.off('Tracing.dataCollected', collect);
  const threadOf = ({ pid, tid }) => `${pid}/${tid}`;
  const mains = new Set(
    events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(threadOf),
  );
  const own = events.filter((event) => event.ph === 'X' && mains.has(threadOf(event)));
  const tasks = own.filter(({ name }) => name === 'RunTask');
  if (tasks.length === 0) throw new Error('bench: the trace has no task of a main thread');
  return tasks
    .map((task) => ({ ms: (task.dur ?? 0) / 1e3, busyMs: (task.tdur ?? task.dur ?? 0) / 1e3, task }))
    .sort((a, b) => b.ms - a.ms)
    .map(({ ms, busyMs, task }) => ({ ms, busyMs, parts: () => partsOf(task, own, threadOf) }));
}

function partsOf(task, events, threadOf) {
  const end = task.ts + task.dur;
  return events
    .filter(
      (event) =>
        event.name !== 'RunTask' &&
        threadOf(event) === threadOf(task) &&
        event.ts >= task.ts &&
        event.ts + (event.dur ?? 0) <= end &&
        (event.dur ?? 0) > task.dur / 6,
    )
    .map(({ name, dur }) => `${name} ${(dur / 1e3).toFixed(1)}`);
}
