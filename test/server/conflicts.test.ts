import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpTransport } from '../../src/adapters/httpTransport.js';
import { createSyncClient, defineCollection, memoryStorage, type SyncClient } from '../../src/core.js';
import type { ConflictStrategy } from '../../src/domain/conflictStrategy.js';
import { databases, fresh, openServer, type TestDatabase, type TestServer } from './harness.js';

interface Todo {
  readonly id: string;
  title: string;
  done?: boolean;
}

const milk: Todo = { id: 'a', title: 'milk' };

describe.each(databases.slice(0, 1))("two clients and the reference server on '$name'", ({ start }) => {
  let running: TestDatabase;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.stop());

  /** Two clients that know one row; the second is paused. */
  async function twoClients(conflict: ConflictStrategy<Todo> = 'lastWriteWins') {
    const sync: TestServer = openServer(running);
    const todos = defineCollection<Todo>({ name: sync.type, key: 'id', conflict });
    await sync.send(sync.ops.insert('a', milk));
    const open = async (): Promise<SyncClient> => {
      const url = `http://server.test/sync`;
      const scoped: typeof fetch = (input, init) => {
        const to = new URL(input as string);
        to.searchParams.set('scope', sync.scope);
        return Promise.resolve(sync.server.fetch(new Request(to, init)));
      };
      const client = createSyncClient({
        name: fresh('app'),
        collections: [todos],
        transport: httpTransport({ url, fetch: scoped }),
        storage: memoryStorage(),
        retry: { spreadMs: 0 },
      });
      await client.ready;
      await client.sync({ direction: 'pull' });
      expect(client.get(todos, 'a')).toEqual(milk);
      return client;
    };
    const [one, two] = [await open(), await open()];
    two.pause();
    const now = async (): Promise<readonly unknown[]> =>
      (await sync.snapshot()).entities.map(({ data }) => data);
    return {
      one,
      two,
      todos,
      now,
      async close() {
        await Promise.all([one.dispose(), two.dispose()]);
        await sync.close();
      },
    };
  }

  test('CF3 different fields: both are kept', async () => {
    const { one, two, todos, now, close } = await twoClients();
    const edited = two.update(todos, 'a', { title: 'oat' });
    await one.update(todos, 'a', { done: true }).confirmed;
    two.resume();
    await edited.confirmed;
    expect([await now(), two.get(todos, 'a')]).toEqual([
      [{ ...milk, title: 'oat', done: true }],
      { ...milk, title: 'oat', done: true },
    ]);
    await close();
  });

  test('CF2 one field: the later write stays, by the clock of the server', async () => {
    const { one, two, todos, now, close } = await twoClients();
    const edited = two.update(todos, 'a', { title: 'early' });
    await one.update(todos, 'a', { title: 'late' }).confirmed;
    two.resume();
    await expect(edited.confirmed).rejects.toMatchObject({ code: 'CONFLICT', details: { reason: 'chosen' } });
    expect([await now(), two.get(todos, 'a')?.title]).toEqual([[{ ...milk, title: 'late' }], 'late']);
    await close();
  });

  test('CF2 one field, and the client wins; its next edits follow on one another', async () => {
    const { one, two, todos, now, close } = await twoClients('clientWins');
    two.update(todos, 'a', { title: 'mine' });
    await one.update(todos, 'a', { title: 'theirs' }).confirmed;
    two.resume();
    two.update(todos, 'a', { done: true });
    await two.update(todos, 'a', { title: 'mine, too' }).confirmed;
    expect(await now()).toEqual([{ ...milk, title: 'mine, too', done: true }]);
    expect(two.deadLetters()).toEqual([]);
    await close();
  });

  test('RD5 an update of what the other deleted, and a delete of what the other updated', async () => {
    const first = await twoClients('clientWins');
    const edited = first.two.update(first.todos, 'a', { title: 'mine' });
    await first.one.delete(first.todos, 'a').confirmed;
    first.two.resume();
    await edited.confirmed;
    expect(await first.now()).toEqual([{ ...milk, title: 'mine' }]);
    await first.close();

    const second = await twoClients('serverWins');
    const deleted = second.two.delete(second.todos, 'a');
    await second.one.update(second.todos, 'a', { title: 'theirs' }).confirmed;
    second.two.resume();
    await expect(deleted.confirmed).rejects.toMatchObject({ code: 'CONFLICT' });
    expect([await second.now(), second.two.get(second.todos, 'a')?.title]).toEqual([
      [{ ...milk, title: 'theirs' }],
      'theirs',
    ]);
    await second.close();
  });

  test('CF3 an insert of what the other has inserted, and said more about, is a duplicate', async () => {
    const { one, two, todos, now, close } = await twoClients('serverWins');
    const inserted = two.insert(todos, { id: 'b', title: 'b' });
    await one.insert(todos, { id: 'b', title: 'b', done: true }).confirmed;
    two.resume();
    await inserted.confirmed;
    expect(await now()).toEqual([milk, { id: 'b', title: 'b', done: true }]);
    await close();
  });
});
