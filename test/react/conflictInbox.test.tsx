import { readFileSync } from 'node:fs';
import { act, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { defineCollection } from '../../src/domain/collection.js';
import { Inbox } from './conflictInbox.js';
import { createTestClient } from './testClient.js';
import { todo, type Todo } from './todos.js';

const todos = defineCollection<Todo>({ name: 'todos', key: 'id', conflict: 'ask' });

test('the inbox in docs/conflicts.md is this file', () => {
  const guide = readFileSync(`${import.meta.dirname}/../../docs/conflicts.md`, 'utf8');
  expect(guide).toContain(readFileSync(`${import.meta.dirname}/conflictInbox.tsx`, 'utf8').trim());
});

test('CF4 the inbox in docs/conflicts.md shows both sides, and decides', async () => {
  const { render, sync, server, advance } = await createTestClient([todo('1'), todo('2')], {
    collections: [todos],
  });
  render(<Inbox />);
  act(() => sync.pause());
  act(() => void sync.update(todos, '1', { title: 'mine' }));
  act(() => void sync.update(todos, '2', { title: 'mine' }));
  server.put('todos', '1', { ...todo('1'), title: 'theirs', done: true });
  server.put('todos', '2', undefined);
  act(() => sync.resume());
  await advance(0);
  const items = screen.getAllByRole('listitem').map(({ textContent }) => textContent);
  const title = `title was ${todo('1').title}, mine: mine, theirs: theirs`;
  expect(items).toEqual([title, 'Somebody else has deleted it.']);
  await userEvent.click(screen.getAllByRole('button', { name: 'Keep mine' })[0]!);
  await advance(0);
  expect(server.get('todos', '1')).toEqual({ ...todo('1'), title: 'mine', done: true });
  await userEvent.click(screen.getByRole('button', { name: 'Keep theirs' }));
  await advance(0);
  expect([sync.get(todos, '2'), screen.queryAllByRole('region')]).toEqual([undefined, []]);
});
