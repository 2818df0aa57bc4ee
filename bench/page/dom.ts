import { createElement, memo, useState, type ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { createRoot, type Root } from 'react-dom/client';
import { timed } from './host.js';
import { createServer } from './server.js';
import type { RowComponent } from './subject.js';
import { idOf, task, titleOf, type Task } from './tasks.js';
import { check, equal, type Measurement, type Workload } from './workload.js';

const ROWS = 1_000;
const WARM_UP = 10;
const EDITS = 100;

let renders = 0;
const Row: RowComponent = memo(({ task: { id, title } }) => {
  renders++;
  return createElement('li', { id }, title);
});

export interface Mounted {
  readonly root: Root;
  /** Clicks a button whose handler does this, as a person would. */
  click(what: () => unknown): void;
}

export function mount(list: ReactNode): Mounted {
  let handler: () => unknown = () => undefined;
  const root = createRoot(document.getElementById('root')!);
  const button = createElement('button', { onClick: () => void handler() }, 'edit');
  flushSync(() =>
    root.render([createElement('ul', { key: 'list' }, list), createElement('div', { key: 'edit' }, button)]),
  );
  return {
    root,
    click(what) {
      handler = what;
      document.querySelector('button')?.click();
    },
  };
}

/** Resolves when the row shows the title. */
function shown(id: string, title: string): Promise<void> {
  const seen = (): boolean => document.getElementById(id)?.textContent === title;
  if (seen()) return Promise.resolve();
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!seen()) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}

const calm = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

/** From the click until the row is in the DOM, of single edits with a frame between them. */
export async function measure(
  list: ReactNode,
  edit: (id: string, title: string) => unknown,
): Promise<Measurement> {
  const { root, click } = mount(list);
  for (let i = 0; document.querySelectorAll('li').length < ROWS && i < 1_000; i++) await calm();
  equal(document.querySelectorAll('li').length, ROWS, 'rows in the DOM');
  const times: number[] = [];
  await timed(async () => {
    for (let n = 0; n < WARM_UP + EDITS; n++) {
      const [id, title] = [idOf((n * 379) % ROWS), titleOf(n)];
      await calm();
      if (n === WARM_UP) renders = 0;
      const start = performance.now();
      click(() => edit(id, title));
      await shown(id, title);
      if (n >= WARM_UP) times.push(performance.now() - start);
    }
  });
  await calm();
  const perEdit = renders / EDITS;
  check(document.querySelectorAll('li').length === ROWS, 'rows in the DOM at the end');
  root.unmount();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(share * EDITS)]!;
  return { value: at(0.5), counts: { 'ms p95': at(0.95), 'row renders': perEdit } };
}

/** One state, rows that render when theirs has changed. */
function reactState(): Promise<Measurement> {
  let set: (change: (rows: readonly Task[]) => readonly Task[]) => void = () => undefined;
  function List(): ReactNode {
    const [rows, setRows] = useState<readonly Task[]>(() => Array.from({ length: ROWS }, (_, n) => task(n)));
    set = setRows;
    return rows.map((one) => createElement(Row, { key: one.id, task: one }));
  }
  return measure(createElement(List), (id, title) =>
    set((rows) => rows.map((row) => (row.id === id ? { ...row, title } : row))),
  );
}

export const dom: readonly Workload[] = [
  {
    id: 'dom',
    name: 'mutate to DOM, a list of 1,000 rows, p50',
    unit: 'ms',
    targets: { value: 0.6, 'ms p95': 2.5, 'row renders': 1 },
    floors: { 'React state, memoised rows': reactState },
    async run(subject) {
      const server = createServer({ rows: ROWS, silent: true });
      const app = await subject.open({ name: `bench-${crypto.randomUUID()}`, server });
      const measured = await measure(app.list?.(Row), (id, title) => app.edit(id, { title }));
      await app.close();
      return measured;
    },
  },
];
