import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { defineCollection } from '../../src/domain/collection.js';
import type { StorageWrite } from '../../src/engine/ports.js';
import { createDevice, startClient, thrownBy, todos } from './testClient.js';

const MEGABYTE = 2 ** 20;

/** A memory storage that keeps what was written. */
function watched() {
  const storage = memoryStorage();
  const writes: StorageWrite[] = [];
  return {
    writes,
    storage: {
      ...storage,
      write: (write: StorageWrite) => {
        writes.push(write);
        return storage.write(write);
      },
    },
  };
}

describe('a hundred thousand edits in one loop', () => {
  test('ST1 OB2 OB3 each is readable at once; all are stored by one write, in the order of the calls', async () => {
    const { storage, writes } = watched();
    const { client, settle } = await startClient({ storage });
    client.pause();
    const before = writes.length;
    const count = 100_000;
    client.insert(todos, { id: 'a', title: '', n: 0 });
    let wrong = 0;
    for (let n = 1; n < count; n++) {
      client.update(todos, 'a', { n });
      if (client.get(todos, 'a')?.n !== n) wrong++;
    }
    await settle();
    const stored = writes.slice(before).flatMap((write) => (write.append ?? []).flat());
    expect([wrong, writes.length - before, stored.length]).toEqual([0, 1, count]);
    const tokens = stored.map((record) => record.token);
    expect(client.pending().map(({ token }) => token)).toEqual(tokens);
    expect(client.pending().every(({ state }) => state === 'queued')).toBe(true);
  });
});

describe('a thousand edits that go as one', () => {
  test('OB4 what waits has its turn between filing, choosing, sealing and settling', async () => {
    const { storage } = watched();
    const device = createDevice();
    const steps: string[] = [];
    const { clock } = device;
    const client = device.open({
      clock: {
        ...clock,
        sleep(ms, signal) {
          if (ms === 0) steps.push('breath');
          return clock.sleep(ms, signal);
        },
      },
      storage: {
        ...storage,
        write(write) {
          if (write.put?.seals !== undefined) steps.push(write.outcomes === undefined ? 'seal' : 'settle');
          return storage.write(write);
        },
      },
      transport: {
        ...device.server,
        push(ops, context) {
          steps.push(`push ${ops.length}`);
          return device.server.push(ops, context);
        },
      },
    });
    await device.settle();
    client.pause();
    client.insert(todos, { id: 'a', title: '', n: 0 });
    for (let n = 1; n < 1_000; n++) client.update(todos, 'a', { n });
    await device.settle();
    steps.length = 0;
    client.resume();
    await device.settle();
    const first = steps.indexOf('seal');
    expect([
      steps.slice(0, first).filter((step) => step !== 'breath'),
      steps.slice(first - 2, first),
    ]).toEqual([[], ['breath', 'breath']]);
    expect(steps.slice(first).filter((step, i, all) => step !== all[i - 1])).toEqual([
      'seal',
      'breath',
      'push 1',
      'breath',
      'settle',
    ]);
    expect([device.server.get('todos', 'a'), client.pending()]).toEqual([{ id: 'a', title: '', n: 999 }, []]);
  });
});

describe('a row of 5 MB', () => {
  const note = 'x'.repeat(5 * MEGABYTE);

  test('that no request can carry is refused at the call, and says what to do', async () => {
    const device = createDevice();
    const transport = { ...device.server, limits: { maxBatch: 100, maxBytes: MEGABYTE } };
    const client = device.open({ transport });
    await device.settle();
    expect(thrownBy(() => client.insert(todos, { id: 'a', title: note }))).toBe(
      'TOO_LARGE: "@insert" has more than 1048576 bytes, which is what one request may carry. Split it, or send large content by a mutationFn of its own.',
    );
    expect([client.get(todos, 'a'), client.pending()]).toEqual([undefined, []]);
  });

  test('that came from the server is edited like any other: what is stored and sent is what was set', async () => {
    const { storage, writes } = watched();
    const device = createDevice();
    const transport = { ...device.server, limits: { maxBatch: 100, maxBytes: MEGABYTE } };
    device.server.put('todos', 'a', { id: 'a', title: note, n: 0 });
    const client = device.open({ transport, storage });
    await device.settle();
    client.update(todos, 'a', { n: 1 });
    client.update(todos, 'a', { title: 'short' }); // what was there before is not sent
    await device.settle();
    const [edit] = writes.flatMap((write) => (write.append ?? []).flat());
    expect(JSON.stringify(edit).length).toBeLessThan(1_000);
    expect(device.server.get('todos', 'a')).toEqual({ id: 'a', title: 'short', n: 1 });
  });
});

test('ST6 of 100,000 who watch a row each, one hears of a change, once', async () => {
  const { client } = await startClient();
  const heard: number[] = [];
  for (let i = 0; i < 100_000; i++) client.subscribe(todos, `todo-${i}`, () => heard.push(i));
  client.insert(todos, { id: 'todo-77', title: 'milk' });
  expect(heard).toEqual([77]);
});

test('ST6 100,000 who watch one row hear of a change once each; who leaves meanwhile harms nobody', async () => {
  const { client } = await startClient();
  let heard = 0;
  const leave: (() => void)[] = [];
  for (let i = 0; i < 100_000; i++)
    leave.push(
      client.subscribe(todos, 'a', () => {
        heard++;
        leave[i]?.();
      }),
    );
  client.insert(todos, { id: 'a', title: 'milk' });
  client.update(todos, 'a', { title: 'oat' });
  expect(heard).toBe(100_000);
});

test('ST5 ST6 with 1,000 collections each change makes one view new', async () => {
  const many = Array.from({ length: 1_000 }, (_, i) =>
    defineCollection<{ id: string; title: string }>({ name: `c${i}`, key: 'id' }),
  );
  const { client } = await startClient({ collections: many });
  const changed: string[] = [];
  client.store.subscribe(({ collections }, { collections: former }) => {
    changed.push(...Object.keys(collections).filter((name) => collections[name] !== former[name]));
  });
  for (const collection of many) client.insert(collection, { id: 'a', title: collection.name });
  expect(changed).toEqual(many.map(({ name }) => name));
  expect(many.every((collection) => client.get(collection, 'a')?.title === collection.name)).toBe(true);
});
