import 'fake-indexeddb/auto';
import { readFileSync } from 'node:fs';
import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createSyncServer, pgliteDatabase } from '../../src/server.js';

const root = `${import.meta.dirname}/../..`;

test('the example in the README is this file, and fits on a page', () => {
  const example = readFileSync(`${import.meta.dirname}/readmeExample.tsx`, 'utf8').trim();
  expect(readFileSync(`${root}/README.md`, 'utf8')).toContain(example);
  expect(example.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(30);
});

const database = pgliteDatabase();
const server = createSyncServer({ database });
beforeAll(async () => {
  await server.ready;
  await server.seed('todos', [{ id: 't1', data: { id: 't1', title: 'Call the tower', done: false } }]);
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) =>
    server.fetch(new Request(new URL(url, 'http://app.test'), init)),
  );
});
afterAll(async () => {
  vi.unstubAllGlobals();
  await server.close();
  await database.close();
});

test('the example in the README runs against the reference server', async () => {
  const { App, sync } = await import('./readmeExample.js');
  render(<App />);
  const input = await screen.findByDisplayValue('Call the tower');
  await userEvent.type(input, '!');
  await waitFor(() => expect(screen.getByRole('status')).toHaveTextContent('synced'));
  expect(screen.getByDisplayValue('Call the tower!')).toBeInTheDocument();
  const { changes } = (await (await fetch('/sync/changes')).json()) as {
    changes: { data: { title: string } }[];
  };
  expect(changes.at(-1)?.data.title).toBe('Call the tower!');
  await sync.dispose();
});
