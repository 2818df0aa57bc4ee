import { act, screen } from '@testing-library/react';
import { memo, useState, type ReactNode } from 'react';
import { expect, test, vi } from 'vitest';
import { SyncProvider } from '../../src/react/SyncProvider.js';
import { useEntities } from '../../src/react/useEntities.js';
import { useEntity } from '../../src/react/useEntity.js';
import { countRenders } from './renders.js';
import { createTestClient } from './testClient.js';
import { todo, todos } from './todos.js';

const ROWS = [
  todo('1', { rank: 1 }),
  todo('2', { rank: 2, done: true }),
  todo('3', { rank: 3 }),
  todo('4', { rank: 4 }),
];

test('ST9 where, orderBy and limit choose the rows; a literal in place is the same query at every render', async () => {
  const { renderHook } = await createTestClient(ROWS);
  const { result, rerender } = renderHook(() =>
    useEntities(todos, {
      where: { done: false, rank: { gt: 1 } },
      orderBy: { field: 'rank', direction: 'desc' },
      limit: 1,
    }),
  );
  expect(result.current.map((row) => row.id)).toEqual(['4']);
  const before = result.current;
  rerender();
  expect(result.current).toBe(before);
});

test('ST9 all rows without a query; an untouched result keeps its identity and does not re-render', async () => {
  const { render, renderHook, sync } = await createTestClient(ROWS);
  const { result } = renderHook(() => useEntities(todos));
  expect(result.current).toHaveLength(4);
  const { Counted, take } = countRenders();
  const Done = (): ReactNode => useEntities(todos, { where: { done: true } }).map((row) => row.title);
  render(
    <Counted name="done">
      <Done />
    </Counted>,
  );
  take();
  act(() => void sync.update(todos, '1', { title: 'Not in it' }));
  expect(take()).toEqual([]);
  act(() => void sync.update(todos, '2', { title: 'In it' }));
  expect(take()).toEqual(['done']);
  act(() => void sync.insert(todos, todo('5', { done: true })));
  expect(take()).toEqual(['done']);
  act(() => void sync.update(todos, '2', { done: false }));
  expect(take()).toEqual(['done']);
  expect(screen.queryByText('In it')).toBeNull();
});

test('RE3 a list of ids and its rows: a change of one row renders that row, not the others', async () => {
  const { render, sync } = await createTestClient(ROWS);
  const { Counted, take } = countRenders();
  const Title = ({ id }: { readonly id: string }): ReactNode => useEntity(todos, id, (row) => row.title);
  const Row = memo(({ id }: { readonly id: string }) => (
    <Counted name={id}>
      <Title id={id} />
    </Counted>
  ));
  Row.displayName = 'Row';
  function List(): ReactNode {
    const rows = useEntities(todos, { where: { done: false }, orderBy: 'rank' });
    return rows.map(({ id }) => <Row key={id} id={id} />);
  }
  render(<List />);
  take();
  act(() => void sync.update(todos, '3', { title: 'Milk' }));
  expect(take()).toEqual(['3']);
  expect(document.body).toHaveTextContent('Todo 1MilkTodo 4');
});

test('ST9 a changed query is another query', async () => {
  const { render } = await createTestClient(ROWS);
  function List(): ReactNode {
    const [done, setDone] = useState(false);
    const rows = useEntities(todos, { where: { done } });
    return <button onClick={() => setDone(true)}>{rows.map((row) => row.id).join()}</button>;
  }
  render(<List />);
  const button = screen.getByRole('button');
  expect(button).toHaveTextContent('1,3,4');
  act(() => button.click());
  expect(button).toHaveTextContent('2');
});

const useFrom = (bound: number) =>
  useEntities(todos, { where: (row) => row.rank >= bound, orderBy: 'rank', deps: [bound] });
const useFromByArgument = (bound: number) =>
  useEntities(todos, { where: (row) => row.rank >= bound, orderBy: 'rank' }, [bound]);

test.each([useFrom, useFromByArgument])(
  'ST9 a function as where is another one when its deps are: $name',
  async (useRows) => {
    const { renderHook, sync } = await createTestClient(ROWS);
    let least = 2;
    const { result, rerender } = renderHook(() => useRows(least));
    const before = result.current;
    expect(before.map((row) => row.id)).toEqual(['2', '3', '4']);
    rerender();
    expect(result.current).toBe(before);
    act(() => void sync.update(todos, '1', { title: 'Not in it' }));
    expect(result.current).toBe(before);
    least = 4;
    rerender();
    expect(result.current.map((row) => row.id)).toEqual(['4']);
  },
);

test('ST9 a function as where without deps is an error that says what to do', async () => {
  const { renderHook } = await createTestClient();
  const quiet = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const query: object = { where: () => true };
  expect(() => renderHook(() => useEntities(todos, query))).toThrow('say what it uses: { where, deps: […] }');
  quiet.mockRestore();
});

test('RE3 more different queries than the client remembers still have stable results', async () => {
  const { renderHook, sync } = await createTestClient(ROWS);
  const { result } = renderHook(() => {
    const all = [];
    // eslint-disable-next-line react-hooks/rules-of-hooks -- the same number at every render
    for (let i = 0; i < 150; i++) all.push(useEntities(todos, { where: { rank: { gte: i } } }).length);
    return all;
  });
  expect(result.current.slice(0, 5)).toEqual([4, 4, 3, 2, 1]);
  act(() => void sync.insert(todos, todo('9', { rank: 149 })));
  expect(result.current.at(-1)).toBe(1);
});

test('RE3 of many lists, the one whose rows changed is told; the others are not even asked', async () => {
  const { render, sync } = await createTestClient(
    Array.from({ length: 200 }, (_, n) => todo(`${n}`, { title: `list ${n % 50}`, rank: n })),
  );
  const { Counted, take } = countRenders();
  let reads = 0;
  const List = ({ of }: { readonly of: string }): ReactNode =>
    useEntities(todos, { where: { title: of }, orderBy: 'rank' }).map(({ id }) => <i key={id}>{id}</i>);
  const counted: typeof sync = { ...sync, query: (...args) => (reads++, sync.query(...args)) };
  render(
    <SyncProvider client={counted}>
      {Array.from({ length: 50 }, (_, n) => (
        <Counted key={n} name={`list ${n}`}>
          <List of={`list ${n}`} />
        </Counted>
      ))}
    </SyncProvider>,
  );
  take();
  reads = 0;
  act(() => void sync.update(todos, '3', { done: true }));
  expect(take()).toEqual(['list 3']);
  act(() => void sync.update(todos, '3', { title: 'list 7' }));
  expect(take()).toEqual(['list 3', 'list 7']);
  expect(reads).toBeLessThan(10);
});
