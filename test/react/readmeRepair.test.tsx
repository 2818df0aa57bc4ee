import { readFileSync } from 'node:fs';
import { act, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test, vi } from 'vitest';
import type { SyncClient } from '../../src/engine/client.js';
import { Refused } from './readmeRefused.js';
import { createTestClient } from './testClient.js';
import { renameTodo, todo, todos } from './todos.js';

const readme = readFileSync(`${import.meta.dirname}/../../README.md`, 'utf8');

afterEach(() => vi.unstubAllGlobals());

test('the examples of repair and undo in the README are these', () => {
  expect(readme).toContain(readFileSync(`${import.meta.dirname}/readmeRefused.tsx`, 'utf8').trim());
  const own = readFileSync(import.meta.filename, 'utf8');
  const example = own.slice(
    own.indexOf('  // example\n') + '  // example\n'.length,
    own.indexOf('  // end\n'),
  );
  expect(readme).toContain(example.replaceAll(/^ {2}/gm, ''));
});

test('RT7 the example of repair edits, retries and discards what was refused', async () => {
  const { render, sync, server, advance } = await createTestClient([todo('1'), todo('2')]);
  const allow = server.refuse(() => true);
  render(<Refused />);
  act(() => {
    sync.mutate(renameTodo, { id: '1', title: 'Milk' });
    sync.mutate(renameTodo, { id: '2', title: 'Eggs' });
  });
  await advance(0);
  const [milk] = screen.getAllByRole('alert');
  expect(milk).toHaveTextContent('“Milk”');
  allow();
  vi.stubGlobal('prompt', (_question: string, title: string) => `Oat ${title.toLowerCase()}`);
  await userEvent.click(screen.getAllByRole('button', { name: 'Edit and retry' })[0]!);
  await advance(0);
  expect(server.get('todos', '1')).toMatchObject({ title: 'Oat milk' });
  expect(screen.getByRole('alert')).toHaveTextContent('“Eggs”');
  await userEvent.click(screen.getByRole('button', { name: 'Discard' }));
  await advance(0);
  expect(screen.queryByRole('alert')).toBeNull();
  expect(sync.deadLetters()).toEqual([]);
});

function deleteWithUndo(sync: SyncClient): () => Promise<string> {
  // example
  const m = sync.delete(todos, 't1', { sendAfter: 5000 }); // gone from the screen at once, sent in five seconds
  const undo = () => sync.undo(m.token);
  // end
  return undo;
}

test('MU4 MU5 the example of undo takes back what was not sent, and what was', async () => {
  const { sync, server, advance } = await createTestClient([todo('t1')]);
  const inTime = deleteWithUndo(sync);
  await advance(4_999);
  expect(await inTime()).toBe('cancelled');
  const late = deleteWithUndo(sync);
  expect(sync.get(todos, 't1')).toBeUndefined();
  await advance(5_000);
  expect(server.get('todos', 't1')).toBeUndefined();
  expect(await late()).toBe('queued');
  await advance(0);
  expect(server.get('todos', 't1')).toEqual(todo('t1'));
});
