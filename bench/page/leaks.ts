import { createElement } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { heap } from './host.js';
import { createServer } from './server.js';
import type { RowComponent } from './subject.js';
import { idOf, titleOf } from './tasks.js';
import { equal, nextTask, type Workload } from './workload.js';

const ROWS = 1_000;
const Row: RowComponent = ({ task: { title } }) => createElement('li', undefined, title);

/** Both do the same once before they look at the heap: code and caches are no leak. */
export const leaks: readonly Workload[] = [
  {
    id: 'kept-after-settling',
    name: 'heap kept after 100,000 more mutations have settled',
    unit: 'MiB',
    targets: { value: 1 },
    ours: true,
    long: true,
    async run(subject) {
      const server = createServer({ rows: ROWS });
      const app = await subject.open({ name: `bench-${crypto.randomUUID()}`, server });
      const settle = async (ticks: number): Promise<void> => {
        for (let tick = 0; tick < ticks; tick++) {
          for (let n = 0; n < 1_000; n++) void app.edit(idOf(n), { title: titleOf(tick * 1_000 + n) });
          await app.stored();
          await app.drain();
          await nextTask();
        }
      };
      await settle(10);
      const before = await heap();
      await settle(100);
      const after = await heap();
      equal((await app.read(idOf(999)))?.title, titleOf(99_999), 'the last title');
      equal(server.row(idOf(999))?.title, titleOf(99_999), 'the last title on the server');
      await app.close();
      return { value: (after.bytes - before.bytes) / 2 ** 20 };
    },
  },
  {
    id: 'kept-after-mounts',
    name: 'heap kept after 1,000 mounts and unmounts of a list of 100 rows',
    unit: 'MiB',
    targets: { value: 1, 'nodes kept': 0, 'listeners kept': 0 },
    ours: true,
    long: true,
    async run(subject) {
      const app = await subject.open({
        name: `bench-${crypto.randomUUID()}`,
        server: createServer({ rows: 100 }),
      });
      const container = document.getElementById('root')!;
      const cycle = async (times: number): Promise<void> => {
        for (let n = 0; n < times; n++) {
          const root = createRoot(container);
          flushSync(() => root.render(app.list?.(Row)));
          equal(container.childElementCount, 100, 'rows mounted');
          root.unmount();
          if (n % 50 === 49) await nextTask();
        }
        await nextTask();
      };
      await cycle(100);
      const before = await heap();
      await cycle(1_000);
      const after = await heap();
      await app.close();
      return {
        value: (after.bytes - before.bytes) / 2 ** 20,
        counts: {
          'nodes kept': after.nodes - before.nodes,
          'listeners kept': after.listeners - before.listeners,
        },
      };
    },
  },
];
