import { act, screen } from '@testing-library/react';
import { useState, type ReactNode } from 'react';
import { expect, test, vi } from 'vitest';
import { defineCollection } from '../../src/domain/collection.js';
import { useEntity } from '../../src/react/useEntity.js';
import { countRenders } from './renders.js';
import { createTestClient } from './testClient.js';
import { todo, todos, type Todo } from './todos.js';

test('RE3 a mutation re-renders exactly the components that read the changed row', async () => {
  const { render, sync, advance } = await createTestClient([todo('1'), todo('2'), todo('3')]);
  const { Counted, take } = countRenders();
  const Row = ({ id }: { readonly id: string }): ReactNode => <li>{useEntity(todos, id)?.title}</li>;
  render(
    ['1', '2', '3'].map((id) => (
      <Counted key={id} name={id}>
        <Row id={id} />
      </Counted>
    )),
  );
  expect(take()).toEqual(['1', '2', '3']);
  act(() => void sync.update(todos, '2', { title: 'Milk' }));
  expect(take()).toEqual(['2']);
  expect(screen.getAllByRole('listitem').map((li) => li.textContent)).toEqual(['Todo 1', 'Milk', 'Todo 3']);
  await advance(0);
  expect(sync.pending()).toEqual([]);
  expect(take(), 'the confirmation changes nothing visible').toEqual([]);
});

test('RE3 a selection re-renders only when it changed: by value, and by content for objects', async () => {
  const { render, sync } = await createTestClient([todo('1')]);
  const { Counted, take } = countRenders();
  const Title = (): ReactNode => useEntity(todos, '1', (row) => row.title);
  const Done = (): ReactNode => String(useEntity(todos, '1', (row) => row.done));
  const Label = (): ReactNode => {
    const label = useEntity(todos, '1', (row) => ({ text: row.title, tags: [row.done] }));
    return label?.text;
  };
  render(
    <>
      <Counted name="title">
        <Title />
      </Counted>
      <Counted name="done">
        <Done />
      </Counted>
      <Counted name="label">
        <Label />
      </Counted>
    </>,
  );
  take();
  act(() => void sync.update(todos, '1', { rank: 5 }));
  expect(take()).toEqual([]);
  act(() => void sync.update(todos, '1', { title: 'Milk' }));
  expect(take()).toEqual(['title', 'label']);
  act(() => void sync.update(todos, '1', { done: true }));
  expect(take()).toEqual(['done', 'label']);
});

test('RE3 an equal selection keeps its identity, also when select is another function at every render', async () => {
  const { renderHook, sync } = await createTestClient([todo('1')]);
  const { result, rerender } = renderHook(() => useEntity(todos, '1', (row) => [row.title]));
  const before = result.current;
  act(() => void sync.update(todos, '1', { rank: 9 }));
  rerender();
  expect(result.current).toBe(before);
  act(() => void sync.update(todos, '1', { title: 'Milk' }));
  expect(result.current).toEqual(['Milk']);
});

test('RE3 select runs once per change of its row, not per change of others or per render', async () => {
  const { renderHook, sync } = await createTestClient([todo('1'), todo('2')]);
  const select = vi.fn((row: Todo) => row.title);
  const { rerender } = renderHook(() => useEntity(todos, '1', select));
  rerender();
  act(() => void sync.update(todos, '2', { rank: 1 }));
  expect(select).toHaveBeenCalledTimes(1);
  act(() => void sync.update(todos, '1', { rank: 1 }));
  expect(select).toHaveBeenCalledTimes(2);
});

test('ST6 a change of another row is not even looked at', async () => {
  const { renderHook, sync } = await createTestClient([todo('1'), todo('2')]);
  renderHook(() => useEntity(todos, '1'));
  const get = vi.spyOn(sync, 'get');
  act(() => void sync.update(todos, '2', { rank: 1 }));
  expect(get).not.toHaveBeenCalled();
  act(() => void sync.update(todos, '1', { rank: 1 }));
  expect(get).toHaveBeenCalled();
});

test('RE3 a select that uses other props at another render is asked again', async () => {
  const { render } = await createTestClient([todo('1', { title: 'Milk', rank: 7 })]);
  function Field(): ReactNode {
    const [field, setField] = useState<keyof Todo>('title');
    const value = useEntity(todos, '1', (row) => row[field]);
    return <button onClick={() => setField('rank')}>{value}</button>;
  }
  render(<Field />);
  const button = screen.getByRole('button');
  expect(button).toHaveTextContent('Milk');
  act(() => button.click());
  expect(button).toHaveTextContent('7');
});

test('ST6 a row that comes, changes, goes and comes back is followed; another id is another row', async () => {
  const { renderHook, sync, server, advance } = await createTestClient([todo('2')]);
  let id: string | undefined;
  const { result, rerender } = renderHook(() => useEntity(todos, id)?.title);
  expect(result.current, 'no id').toBeUndefined();
  id = '1';
  rerender();
  expect(result.current, 'no such row').toBeUndefined();
  act(() => void sync.insert(todos, todo('1')));
  expect(result.current).toBe('Todo 1');
  await advance(0);
  server.refuse((op) => op.kind === 'delete');
  act(() => void sync.delete(todos, '1'));
  expect(result.current).toBeUndefined();
  await advance(0);
  expect(result.current, 'the delete was refused').toBe('Todo 1');
  id = '2';
  rerender();
  expect(result.current).toBe('Todo 2');
  act(() => void sync.update(todos, '1', { title: 'Nobody looks' }));
  expect(result.current).toBe('Todo 2');
});

test('ST5 one mutation over several rows and components is one render of each', async () => {
  const { render, sync } = await createTestClient([todo('1'), todo('2')]);
  const { Counted, take } = countRenders();
  const Both = (): ReactNode => `${useEntity(todos, '1')?.title}, ${useEntity(todos, '2')?.title}`;
  render(
    <Counted name="both">
      <Both />
    </Counted>,
  );
  take();
  act(() => {
    sync.update(todos, '1', { title: 'a' });
    sync.update(todos, '2', { title: 'b' });
  });
  expect(take()).toEqual(['both']);
  expect(document.body).toHaveTextContent('a, b');
});

test('LF3 an id or a collection named like a property of objects is data', async () => {
  const odd = defineCollection<{ id: string; n: number }>({ name: 'constructor', key: 'id' });
  const { renderHook, sync } = await createTestClient([], { collections: [odd] });
  const { result } = renderHook(() => useEntity(odd, '__proto__', (row) => row.n));
  expect(result.current).toBeUndefined();
  act(() => void sync.insert(odd, { id: '__proto__', n: 1 }));
  expect(result.current).toBe(1);
});
