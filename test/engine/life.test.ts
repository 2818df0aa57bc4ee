import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { defineCollection } from '../../src/domain/collection.js';
import { defineMutation } from '../../src/domain/definition.js';
import type { SyncClient } from '../../src/engine/client.js';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { HOSTILE } from '../domain/arbitraries.js';
import {
  createDevice,
  heldTransport,
  lists,
  outcomeOf,
  refused,
  sharedTabs,
  startClient,
  thrownBy,
  todos,
  watchedStorage,
  type Device,
} from './testClient.js';

const todo = (id: string) => ({ id, title: id });

describe('LF1 one namespace per user', () => {
  test('one user never sees nor sends what another left', async () => {
    const device = createDevice();
    const ada = device.open({ user: 'ada' });
    ada.pause();
    ada.insert(todos, todo('a'));
    await device.settle();
    await ada.dispose();
    const bob = device.open({ user: 'bob' });
    const nobody = device.open();
    await device.clock.advance(1_000);
    for (const client of [bob, nobody]) expect([client.pending(), client.query(todos)]).toEqual([[], []]);
    expect(device.server.journal).toEqual([]);
    device.open({ user: 'ada' });
    await device.settle();
    expect(device.server.get('todos', 'a')).toEqual(todo('a'));
  });

  test('no two users share a namespace', () => {
    const device = createDevice();
    const names = [
      device.open(),
      ...['ada', 'a:da', 'a%3Ada', 'ADA', ' '].map((user) => device.open({ user })),
      device.open({ name: 'app.ada' }),
    ];
    expect(new Set(names.map(({ namespace }) => namespace)).size).toBe(7);
  });
});

describe('LF3 names are data', () => {
  const odd = [
    ...HOSTILE.filter((id) => id !== ''),
    'a/b',
    '../x',
    ' ',
    '😀',
    '\u0000',
    "'; drop table todos",
  ];

  test('hostile ids go there and back', async () => {
    const device = createDevice();
    const client = device.open();
    for (const id of odd) client.insert(todos, todo(id));
    await device.settle();
    for (const id of odd) client.update(todos, id, { done: true });
    await device.settle();
    expect([...device.server.rows('todos').keys()]).toEqual(odd);
    await client.dispose();
    const again = device.open();
    await device.settle();
    for (const id of odd) expect(again.get(todos, id)).toEqual({ ...todo(id), done: true });
    for (const id of odd) again.delete(todos, id);
    await device.settle();
    expect([again.query(todos), device.server.rows('todos').size, again.deadLetters()]).toEqual([[], 0, []]);
  });

  test('hostile fields are set, sent, stored and removed like any other', async () => {
    for (const field of HOSTILE) {
      const device = createDevice();
      const client = device.open();
      const patch = JSON.parse(`{${JSON.stringify(field)}:{"polluted":true}}`) as object;
      client.insert(todos, todo('a'));
      client.update(todos, 'a', patch);
      client.update(todos, 'a', (draft) => {
        draft.title = 'by recipe';
      });
      await device.settle();
      expect(Object.keys(client.get(todos, 'a') ?? {})).toEqual(['id', 'title', field]);
      expect(JSON.stringify(device.server.get('todos', 'a'))).toBe(JSON.stringify(client.get(todos, 'a')));
      const removal = JSON.parse(`{${JSON.stringify(field)}:null}`) as object;
      client.update(todos, 'a', removal);
      await device.settle();
      expect(client.pending()).toEqual([]);
    }
    expect('polluted' in {}).toBe(false);
  });

  test('hostile collection names are names', async () => {
    const named = ['__proto__', 'constructor', 'toString'].map((name) =>
      defineCollection<{ id: string; n: number }>({ name, key: 'id' }),
    );
    const { client, server, settle } = await startClient({ collections: named });
    for (const collection of named) {
      const seen: number[] = [];
      client.subscribe(collection, undefined, () => seen.push(client.query(collection).length));
      expect(client.query(collection)).toEqual([]);
      client.insert(collection, { id: 'a', n: 1 });
      expect([client.query(collection), seen]).toEqual([[{ id: 'a', n: 1 }], [1]]);
    }
    await settle();
    expect(server.journal).toHaveLength(3);
  });
});

describe('OS1 status is derived from the ledger', () => {
  test('as a mutation goes its way', async () => {
    const device = createDevice();
    const line = heldTransport(device.server, device.clock);
    const client = device.open({ transport: line });
    const log: string[] = [];
    const note = (): void => {
      const { phase, pending, sending, held, failed } = client.status.get();
      const now = `${phase} ${pending} ${sending} ${held} ${failed}`;
      if (log.at(-1) !== now) log.push(now);
    };
    client.status.subscribe(note);
    note();
    await device.settle();
    client.insert(todos, todo('a'));
    await device.settle();
    await line.pushes[0]?.answer({ kind: 'failure', failure: 'network', cause: undefined });
    await device.clock.advance(500);
    await line.pushes[1]?.answer(refused);
    expect(log).toEqual([
      'starting 0 0 0 0',
      'synced 0 0 0 0',
      'pending 1 0 0 0',
      'sending 1 1 0 0',
      'waiting 1 0 1 0',
      'sending 1 1 0 0',
      'synced 0 0 0 1',
    ]);
  });

  test('the same object until something changed', async () => {
    const { client } = await startClient();
    const status = client.status.get();
    expect(client.status.get()).toBe(status);
    client.insert(todos, todo('a'));
    expect(client.status.get()).not.toBe(status);
  });

  test('when all was last in step is known after a restart, and in the other tab', async () => {
    const device = createDevice();
    const first = device.open();
    await device.clock.advance(1_000);
    await first.insert(todos, todo('a')).confirmed;
    const { lastSyncedAt } = first.status.get();
    expect(lastSyncedAt).toBe(device.clock.now());
    const second = device.open();
    await device.settle();
    expect(second.status.get()).toMatchObject({ leader: false, lastSyncedAt });
    await first.dispose();
    await second.dispose();
    const third = device.open({ transport: heldTransport(device.server, device.clock) });
    await device.clock.advance(5_000);
    expect(third.status.get().lastSyncedAt).toBe(lastSyncedAt);
  });

  test('paused and offline, by precedence', async () => {
    const { client, connectivity } = await startClient();
    client.pause();
    expect(client.status.get().phase).toBe('paused');
    connectivity.setOnline(false);
    client.resume();
    expect(client.status.get()).toMatchObject({ phase: 'offline', online: false });
  });
});

test('OS2 the state of an entity', async () => {
  const device = createDevice();
  const line = heldTransport(device.server, device.clock);
  const client = device.open({ transport: line });
  const state = () => client.entityStatus(todos, 'a');
  const log: string[] = [state()];
  client.insert(todos, todo('a'));
  log.push(state());
  await device.settle();
  log.push(state());
  await line.pushes[0]?.answer({ kind: 'failure', failure: 'network', cause: undefined });
  log.push(state());
  await device.clock.advance(500);
  await line.pushes[1]?.answer(refused);
  log.push(state(), client.entityStatus(todos, 'b'));
  expect(log).toEqual(['synced', 'pending', 'sending', 'held', 'failed', 'synced']);
});

describe('OS3 a throwing listener harms nobody', () => {
  const boom = (): never => {
    throw new Error('boom');
  };
  test.each<[string, (client: Awaited<ReturnType<typeof startClient>>['client']) => void]>([
    ['of an event', (client) => void client.on('mutation.enqueued', boom)],
    ['of the confirmation', (client) => void client.on('mutation.confirmed', boom)],
    ['of a row', (client) => void client.subscribe(todos, 'a', boom)],
    ['of a collection', (client) => void client.subscribe(todos, undefined, boom)],
    ['of the status', (client) => void client.status.subscribe(boom)],
    ['of the mutations', (client) => void client.watchMutations(boom)],
    ['of the store', (client) => void client.store.subscribe(boom)],
    [
      'of the failures themselves',
      (client) => {
        client.on('client.failure', boom);
        client.subscribe(todos, 'a', boom);
      },
    ],
  ])('%s', async (_name, listen) => {
    const { client, server, settle } = await startClient();
    listen(client);
    const log: string[] = [];
    client.on('mutation.confirmed', () => log.push('event'));
    client.subscribe(todos, 'a', () => log.push('row'));
    client.store.subscribe(() => log.push('store'));
    const { confirmed } = client.insert(todos, todo('a'));
    const outcome = outcomeOf(confirmed);
    await settle();
    expect([outcome.now, server.get('todos', 'a'), client.pending().length]).toEqual([
      'resolved',
      todo('a'),
      0,
    ]);
    expect(log.sort()).toEqual(['event', 'row', 'store']);
  });
});

describe('TB5 dispose leaves nothing behind', () => {
  test('no timer, no listener, no lease, no request: idle, waiting, and in flight', async () => {
    const own = defineMutation({
      name: 'own',
      optimistic: (tx, id: string) => tx.insert(todos, todo(id)),
      mutationFn: () => new Promise(() => undefined), // heeds no signal
    });
    for (const busy of [false, true]) {
      const device = createDevice();
      const tabs = sharedTabs();
      const line = heldTransport(device.server, device.clock);
      let listeners = 0;
      const connectivity = {
        online: true,
        subscribe: () => {
          listeners++;
          return () => {
            listeners--;
          };
        },
      };
      const transport = { ...line, pull: device.server.pull.bind(device.server) };
      const open = () =>
        device.open({ transport, tabs, connectivity, mutations: [own], realtime: device.server.changes });
      const client = open();
      await device.settle();
      if (busy) {
        client.insert(todos, todo('a'));
        client.mutate(own, 'b');
        await device.settle();
      }
      await client.dispose();
      expect([device.clock.waiting, tabs.listening, listeners]).toEqual([0, 0, 0]);
      expect(line.pushes.map(({ signal }) => signal.aborted)).toEqual(busy ? [true] : []);
      const next = open();
      await device.settle();
      expect(next.status.get().leader).toBe(true);
      expect(next.pending()).toHaveLength(busy ? 2 : 0);
    }
  });

  test('twice, and before it was ready', async () => {
    const device = createDevice();
    const client = device.open();
    await Promise.all([client.dispose(), client.dispose()]);
    await client.dispose();
    expect(device.clock.waiting).toBe(0);
  });

  test('what was called right before it is stored', async () => {
    const device = createDevice();
    const client = device.open();
    client.insert(todos, todo('a'));
    await client.dispose();
    const next = device.open();
    await device.settle();
    expect(device.server.get('todos', 'a')).toEqual(todo('a'));
    expect(next.get(todos, 'a')).toEqual(todo('a'));
  });

  test('calls after it are typed errors, and none of them hangs', async () => {
    const { client, settle } = await startClient();
    client.pause();
    const { token } = client.insert(todos, todo('a'));
    const waiting = outcomeOf(client.flush());
    await settle();
    await client.dispose();
    const late = [client.sync(), client.flush(), client.rollback(token), client.discard(token)].map(
      outcomeOf,
    );
    await settle();
    expect(thrownBy(() => client.insert(todos, todo('b')))).toBe(
      'DISPOSED: The client "app" was disposed; create another.',
    );
    expect([waiting, ...late].map(({ now }) => now)).toEqual([
      'rejected DISPOSED',
      'rejected DISPOSED',
      'rejected DISPOSED',
      'rejected DISPOSED',
      'rejected DISPOSED',
    ]);
    expect(client.get(todos, 'a')).toEqual(todo('a'));
  });
});

describe('flush and sync', () => {
  test('flush resolves when everything called before it has settled', async () => {
    const device = createDevice();
    const line = heldTransport(device.server, device.clock);
    const client = device.open({ transport: line });
    client.insert(todos, todo('a'));
    const flushed = outcomeOf(client.flush());
    await device.settle();
    client.insert(lists, { id: 'later', count: 0 });
    await device.settle();
    expect(flushed.now).toBe('open');
    await line.pushes[0]?.pass();
    expect(flushed.now).toBe('resolved');
  });

  /** Asks for both, and does not wait until they are done. */
  async function waitAndStop(device: Device, client: SyncClient): Promise<void> {
    const stop = new AbortController();
    const outcomes = [client.flush({ signal: stop.signal }), client.sync({ signal: stop.signal })].map(
      outcomeOf,
    );
    await device.settle();
    stop.abort(new Error('enough'));
    await device.settle();
    expect(outcomes.map(({ now }) => now)).toEqual(['rejected Error: enough', 'rejected Error: enough']);
  }

  test('their signals end the waiting, and nothing else', async () => {
    const device = createDevice();
    const client = device.open({ transport: heldTransport(device.server, device.clock) });
    client.insert(todos, todo('a'));
    await waitAndStop(device, client);
    expect(client.pending()).toHaveLength(1);
  });

  test('TB5 and leave no listener behind', async () => {
    const added = vi.spyOn(EventTarget.prototype, 'addEventListener');
    const listening = (): number =>
      [...new Set(added.mock.contexts as readonly unknown[])]
        .filter((at) => at instanceof AbortSignal && !at.aborted)
        .flatMap((at) => getEventListeners(at as AbortSignal, 'abort')).length;
    const device = createDevice();
    const client = device.open({ transport: heldTransport(device.server, device.clock) });
    client.insert(todos, todo('a'));
    await device.settle();
    const before = listening();
    for (let i = 0; i < 5; i++) await waitAndStop(device, client);
    expect(listening()).toBe(before);
    added.mockRestore();
  });

  test('a pull that fails is a result, not an error', async () => {
    const transport = {
      ...heldTransport(createDevice().server, createDevice().clock),
      pull: () => Promise.reject(new TypeError('x')),
    };
    const { client } = await startClient({ transport });
    expect(await client.sync()).toMatchObject({ pulled: { kind: 'failed', error: { code: 'NETWORK' } } });
  });
});

test('OB9 a storage that cannot be opened: memory, one diagnostic, and durable is false', async () => {
  const storage = {
    ...watchedStorage(memoryStorage()),
    open: () => Promise.reject(new Error('SecurityError')),
  };
  const device = createDevice();
  const client = device.open({ storage });
  const told: string[] = [];
  client.on('storage.degraded', ({ error }) => told.push(error.code));
  client.insert(todos, todo('a'));
  await device.settle();
  expect([told, device.warnings.length, client.status.get().durable]).toEqual([['STORAGE'], 1, false]);
  expect(device.server.get('todos', 'a')).toEqual(todo('a'));
});
