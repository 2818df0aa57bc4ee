import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { defineMutation } from '../../src/domain/definition.js';
import type { StorageWrite } from '../../src/engine/ports.js';
import {
  accepted,
  createDevice,
  heldTransport,
  outcomeOf,
  refused,
  todos,
  watchedStorage,
} from './testClient.js';

const todo = (id: string) => ({ id, title: id });

/** Marks the row that `flag` says, whatever it was when it was called. */
const mark = defineMutation({
  name: 'mark',
  optimistic(tx, id: string) {
    const isOther = tx.get(todos, 'flag')?.done === true && tx.get(todos, 'a') !== undefined;
    tx.update(todos, isOther ? 'a' : id, { done: true });
  },
});

/** A client that sends two at a time, and whose pushes and writes are held by the test. */
async function start() {
  const device = createDevice({ limits: { maxBatch: 2 } });
  const line = heldTransport(device.server, device.clock);
  const storage = watchedStorage(memoryStorage({ disk: device.disk }));
  let held: Promise<void> | undefined;
  let release = (): void => undefined;
  const client = device.open({
    storage: {
      ...storage,
      async write(write) {
        await held;
        return storage.write(write);
      },
    },
    transport: { ...line, pull: (request) => device.server.pull(request) },
    mutations: [mark],
    timeoutMs: 1e9,
  });
  device.server.put('todos', 'flag', { id: 'flag', title: 'flag', done: false });
  device.server.put('todos', 'x', todo('x'));
  await device.settle();
  client.pause();
  const written = (): readonly string[] => storage.writes.map(saidIn).filter((said) => said !== '');
  return {
    ...device,
    client,
    line,
    storage,
    written,
    hold() {
      held = new Promise((resolve) => (release = resolve));
    },
    release() {
      held = undefined;
      release();
      return device.settle();
    },
  };
}

/** What a write seals and settles. */
function saidIn({ put, outcomes = [] }: StorageWrite): string {
  const seals = (put?.seals ?? []).map(({ sealed }) => `seals ${sealed.map((s) => s.token).join(' ')}`);
  const settled = outcomes.map(({ tokens, outcome }) => `${outcome.kind} ${tokens.join(' ')}`);
  return [...settled, ...seals].join(', ');
}

describe('what waits to be sealed and what waits to be settled', () => {
  test('OB4 is one write: a batch is settled together with the seal of the second one after it', async () => {
    const { client, line, settle, written } = await start();
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) client.insert(todos, todo(id));
    client.resume();
    await settle();
    for (const n of [0, 1, 2]) await line.pushes[n]?.pass();
    expect(written()).toEqual([
      'seals t1 t2, seals t3 t4',
      'accepted t1 t2, seals t5 t6',
      'accepted t3 t4',
      'accepted t5 t6',
    ]);
    expect(client.pending()).toEqual([]);
  });

  test('SC3 what cannot be stored does not take the other with it', async () => {
    const { client, clock, line, settle, storage, written } = await start();
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) client.insert(todos, todo(id));
    client.resume();
    await settle();
    storage.fail = ({ outcomes = [] }) => outcomes.some(({ tokens }) => tokens.includes('t1'));
    await line.pushes[0]?.pass();
    expect(written().slice(1)).toEqual(['accepted t1 t2, seals t5 t6', 'accepted t1 t2', 'seals t5 t6']);
    storage.fail = undefined;
    await line.pushes[1]?.pass();
    await line.pushes[2]?.pass();
    await clock.advance(60_000);
    await line.pushes[3]?.pass();
    expect([line.pushes.map(({ tokens }) => tokens), client.pending()]).toEqual([
      [
        ['t1', 't2'],
        ['t3', 't4'],
        ['t5', 't6'],
        ['t1', 't2'],
      ],
      [],
    ]);
  });

  test('SC4 what is refused with what it turns out to build on is not sealed by the same write', async () => {
    const { client, line, server, settle, hold, release, written } = await start();
    for (const id of ['a', 'b', 'c', 'd']) client.insert(todos, todo(id));
    const marked = outcomeOf(client.mutate(mark, 'x').acknowledged);
    client.insert(todos, todo('e'));
    server.put('todos', 'flag', { id: 'flag', title: 'flag', done: true });
    client.resume();
    await settle();
    expect(client.get(todos, 'a')?.done).toBe(true);
    hold();
    client.insert(todos, todo('f'));
    await settle();
    await line.pushes[0]?.answer(refused, accepted);
    await release();
    await line.pushes[1]?.pass();
    await line.pushes[2]?.pass();
    expect(marked.now).toBe('rejected DEPENDENCY');
    expect(written().filter((said) => said.includes('t5'))).toEqual(['refused t1, accepted t2, refused t5']);
    expect([line.pushes.map(({ tokens }) => tokens), client.pending()]).toEqual([
      [
        ['t1', 't2'],
        ['t3', 't4'],
        ['t6', 't7'],
      ],
      [],
    ]);
  });
});
