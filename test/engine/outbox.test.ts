import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { defineMutation } from '../../src/domain/definition.js';
import type { StorageWrite } from '../../src/engine/ports.js';
import { crashingStorage, CRASH_POINTS } from '../../src/testing/crashingStorage.js';
import { mutation } from '../../src/testing/storageSamples.js';
import {
  createDevice,
  heldTransport,
  outcomeOf,
  storedIn,
  startClient,
  thrownBy,
  todos,
  watchedStorage,
  deaf,
  type Device,
} from './testClient.js';

const todo = (id: string) => ({ id, title: id });
const stored = async (device: Device): Promise<string[]> =>
  (await storedIn(device)).map(({ token }) => token);

describe('OB1 accepted means kept', () => {
  test('enqueued resolves only when the transaction has completed', async () => {
    const device = createDevice();
    const storage = watchedStorage(memoryStorage({ disk: device.disk }));
    let complete = (): void => undefined;
    const slow = {
      ...storage,
      write: (write: never) =>
        new Promise<never>((resolve) => (complete = () => resolve(storage.write(write) as never))),
    };
    const client = device.open({ storage: slow });
    const enqueued = outcomeOf(client.insert(todos, todo('a')).enqueued);
    await device.settle();
    expect([enqueued.now, client.pending()[0]?.state]).toEqual(['open', 'saving']);
    complete();
    await device.settle();
    expect(enqueued.now).toBe('resolved');
  });

  test('what cannot be stored is taken back, and says so', async () => {
    const storage = watchedStorage(memoryStorage());
    const { client, settle } = await startClient({ storage });
    storage.fail = (write) => write.append !== undefined;
    const handle = client.insert(todos, todo('a'));
    const outcomes = [handle.enqueued, handle.acknowledged, handle.confirmed].map(outcomeOf);
    expect(client.get(todos, 'a')).toEqual(todo('a'));
    await settle();
    expect(outcomes.map(({ now }) => now)).toEqual([
      'rejected STORAGE',
      'rejected STORAGE',
      'rejected STORAGE',
    ]);
    expect(client.get(todos, 'a')).toBeUndefined();
    expect(client.pending()).toEqual([]);
    await expect(handle.confirmed).rejects.toMatchObject({ cause: { message: 'QuotaExceededError' } });
  });

  test('one that cannot be stored does not take the others of its tick with it', async () => {
    const storage = watchedStorage(memoryStorage());
    const { client, server, settle } = await startClient({ storage });
    storage.fail = (write) =>
      write.append?.some((group) => group.some(({ token }) => token === 't2')) === true;
    const outcomes = ['a', 'b', 'c'].map((id) => outcomeOf(client.insert(todos, todo(id)).confirmed));
    await settle();
    expect(outcomes.map(({ now }) => now)).toEqual(['resolved', 'rejected STORAGE', 'resolved']);
    expect([...server.rows('todos').keys()]).toEqual(['a', 'c']);
  });

  test('what was stored stays accepted when reading the news of other tabs fails', async () => {
    const device = createDevice();
    const storage = watchedStorage(memoryStorage({ disk: device.disk }));
    const client = device.open({ storage, tabs: deaf });
    await device.settle();
    const other = device.open({ tabs: deaf });
    other.insert(todos, todo('theirs'));
    await device.settle();
    storage.failLoads = true;
    const outcomes = ['a', 'b'].map((id) => outcomeOf(client.insert(todos, todo(id)).confirmed));
    await device.settle();
    expect((await stored(device)).filter((token) => token !== 't1')).toEqual(['t2', 't3']);
    storage.failLoads = false;
    await device.clock.advance(60_000);
    expect(outcomes.map(({ now }) => now)).toEqual(['resolved', 'resolved']);
    expect([...device.server.rows('todos').keys()].sort()).toEqual(['a', 'b', 'theirs']);
  });

  test.each([
    ['one', ['a'], false],
    ['several', ['a', 'b'], false],
    ['several, and reading fails too', ['a', 'b'], true],
  ])(
    '%s, stored by a write whose answer was lost: accepted, and in the outbox once',
    async (_name, ids, deafened) => {
      const device = createDevice();
      const storage = watchedStorage(memoryStorage({ disk: device.disk }));
      let lostAnswers = 0;
      const losing = {
        ...storage,
        load: (since?: number) =>
          deafened && lostAnswers === 1 ? Promise.reject(new Error('lost')) : storage.load(since),
        async write(write: StorageWrite) {
          const receipt = await storage.write(write);
          if (write.append !== undefined && lostAnswers++ === 0)
            throw new Error('connection lost after the commit');
          return receipt;
        },
      };
      const client = device.open({ storage: losing });
      await device.settle();
      client.pause();
      const outcomes = ids.map((id) => outcomeOf(client.insert(todos, todo(id)).enqueued));
      await device.settle();
      expect(outcomes.map(({ now }) => now)).toEqual(ids.map(() => 'resolved'));
      await client.dispose();
      const after = device.open();
      await device.clock.advance(60_000);
      expect([...device.server.rows('todos').keys()]).toEqual(ids);
      expect([after.pending(), after.deadLetters(), after.query(todos)]).toEqual([[], [], ids.map(todo)]);
    },
  );

  test('a write made before start-up finished is kept, on stored rows too', async () => {
    const device = createDevice();
    device.server.put('todos', 'a', todo('a'));
    const first = device.open();
    await device.settle();
    await first.dispose();
    const client = device.open();
    client.insert(todos, todo('b'));
    client.update(todos, 'a', { done: true });
    expect(client.get(todos, 'a')).toBeUndefined();
    await device.settle();
    expect(device.server.get('todos', 'a')).toEqual({ ...todo('a'), done: true });
    expect(device.server.get('todos', 'b')).toEqual(todo('b'));
  });

  test('a mutation that only looked, before start-up finished, looks again', async () => {
    const finish = defineMutation({
      name: 'finish',
      optimistic: (tx, id: string) => {
        if (tx.get(todos, id) !== undefined) tx.update(todos, id, { done: true });
      },
    });
    const device = createDevice();
    device.server.put('todos', 'a', todo('a'));
    const first = device.open();
    await device.settle();
    await first.dispose();
    const client = device.open({ mutations: [finish] });
    client.mutate(finish, 'a');
    await device.settle();
    expect(device.server.get('todos', 'a')).toEqual({ ...todo('a'), done: true });
  });

  test('one that fails once the stored rows are there rejects, and delays nobody', async () => {
    const { client, server, settle } = await (async () => {
      const device = createDevice();
      return { ...device, client: device.open() };
    })();
    const late = outcomeOf(client.update(todos, 'nowhere', { done: true }).confirmed);
    client.insert(todos, todo('b'));
    await settle();
    expect(late.now).toBe('rejected ENTITY_NOT_FOUND');
    expect(server.get('todos', 'b')).toEqual(todo('b'));
  });

  test.each([0, 1, 2].flatMap((write) => CRASH_POINTS.map((point) => [write, point] as const)))(
    'death in write %i, %s: whatever was enqueued happens once',
    async (at, point) => {
      const device = createDevice();
      const storage = crashingStorage({
        storage: memoryStorage({ disk: device.disk }),
        at: (write) => (write === at ? point : undefined),
      });
      const dying = device.open({ storage });
      await device.settle();
      const handles = ['a', 'b'].map((id) => dying.insert(todos, todo(id)));
      const enqueued = handles.map((handle) => outcomeOf(handle.enqueued));
      await device.clock.advance(5_000);
      dying.pause();
      const after = createDevice({ server: device.server });
      const client = after.open({ storage: memoryStorage({ disk: device.disk }) });
      await after.clock.advance(5_000);
      handles.forEach(({ token }, i) => {
        if (enqueued[i]?.now === 'resolved') expect(device.server.timesApplied(token)).toBe(1);
        else expect(device.server.timesApplied(token)).toBeLessThanOrEqual(1);
      });
      expect(client.pending()).toEqual([]);
      expect(client.query(todos)).toHaveLength(device.server.rows('todos').size);
    },
  );
});

test('OB2 the mutations of one tick are one transaction', async () => {
  const storage = watchedStorage(memoryStorage());
  const { client, settle } = await startClient({ storage });
  client.pause();
  storage.writes.length = 0;
  for (let i = 0; i < 600; i++) client.insert(todos, todo(`r${i}`));
  await settle();
  expect(storage.writes.map(({ append }) => append?.map((group) => group.length))).toEqual([[512, 88]]);
});

test('OB2 what is called before others have their turn is one transaction, which begins then; what is asked meanwhile comes after it', async () => {
  const storage = watchedStorage(memoryStorage());
  const device = createDevice();
  let turn: () => void = () => undefined;
  const client = device.open({
    storage,
    clock: { ...device.clock, turn: () => new Promise((resolve) => (turn = resolve)) },
  });
  client.pause();
  await device.settle();
  storage.writes.length = 0;
  const first = client.insert(todos, todo('a'));
  await device.settle();
  client.insert(todos, todo('b'));
  const cancelled = client.rollback(first.token);
  await device.settle();
  expect(client.query(todos)).toEqual([todo('b')]);
  expect(storage.writes).toEqual([]);
  turn();
  expect(await cancelled).toBe('cancelled');
  expect(storage.writes.map(({ append }) => append?.map((group) => group.length))).toEqual([[2], undefined]);
  await client.dispose();
});

describe('OB3 order', () => {
  test('is that of the calls, over ticks, rollbacks and restarts', async () => {
    const device = createDevice();
    const first = device.open();
    first.pause();
    for (const id of ['a', 'b', 'c']) first.insert(todos, todo(id), { scope: 's' });
    await device.settle();
    device.clock.jump(-86_400_000);
    first.insert(todos, todo('d'), { scope: 's' });
    await first.rollback('t2');
    await device.settle();
    await first.dispose();
    const second = device.open();
    second.insert(todos, todo('e'), { scope: 's' });
    await device.clock.advance(1_000);
    expect(device.server.journal.map(({ token }) => token)).toEqual(['t1', 't3', 't4', 't5']);
  });
});

describe('OB4 durable first, visible second', () => {
  test('row, seal, verdict and server rows change in one transaction', async () => {
    const storage = watchedStorage(memoryStorage());
    const { client, settle } = await startClient({ storage });
    client.insert(todos, todo('a'));
    await settle();
    const settling = storage.writes.filter(({ outcomes }) => (outcomes?.length ?? 0) > 0);
    expect(settling).toMatchObject([
      {
        remove: { log: [1], seals: ['t1.0'] },
        outcomes: [{ tokens: ['t1'], outcome: { kind: 'accepted' } }],
        put: { rows: [{ key: 'todos/a', version: 1 }] },
      },
    ]);
  });

  test('while the verdict cannot be stored, nothing shows, and it is asked for again with the same key', async () => {
    const storage = watchedStorage(memoryStorage());
    const { client, server, clock, settle } = await startClient({ storage });
    storage.fail = (write) => (write.outcomes?.length ?? 0) > 0;
    const { token, confirmed } = client.insert(todos, todo('a'));
    const outcome = outcomeOf(confirmed);
    await settle();
    expect([server.timesApplied(token), client.pending().length, outcome.now]).toEqual([1, 1, 'open']);
    storage.fail = undefined;
    await clock.advance(10_000);
    expect([server.timesApplied(token), client.pending().length, outcome.now]).toEqual([1, 0, 'resolved']);
  });
});

describe('OB5 a sealed mutation is frozen', () => {
  test('the same key and bytes at every attempt, also after a restart and a base that moved', async () => {
    const plusOne = defineMutation({
      name: 'plusOne',
      optimistic: (tx, id: string) =>
        tx.update(todos, id, (draft) => {
          draft.n = (draft.n ?? 0) + 1;
        }),
    });
    const device = createDevice();
    device.server.put('todos', 'a', { ...todo('a'), n: 0 });
    const line = heldTransport(device.server, device.clock);
    const transport = { ...line, pull: device.server.pull.bind(device.server) };
    const open = () =>
      device.open({ transport, mutations: [plusOne], timeoutMs: 1_000, retry: { capMs: 1 } });
    const first = open();
    await device.settle();
    first.mutate(plusOne, 'a');
    await device.clock.advance(2_500);
    device.server.put('todos', 'a', { ...todo('a'), n: 10 });
    await first.dispose();
    const second = open();
    await device.clock.advance(31_000);
    expect(second.get(todos, 'a')?.n).toBe(11);
    expect(line.pushes.length).toBeGreaterThan(3);
    expect(new Set(line.pushes.map(({ keys, bodies }) => `${keys[0]} ${bodies[0]}`)).size).toBe(1);
  });

  test('after a restart everything pending is readable before any network', async () => {
    const device = createDevice();
    const first = device.open({ transport: heldTransport(device.server, device.clock) });
    first.insert(todos, todo('a'));
    await device.settle();
    first.pause();
    first.insert(todos, todo('b'));
    await device.settle();
    await first.dispose();
    const silent = { ...device.server, push: () => new Promise<never>(() => undefined) };
    const second = device.open({ transport: silent });
    await second.ready;
    expect(second.query(todos)).toEqual([todo('a'), todo('b')]);
    expect(second.pending().map(({ token, sealed }) => `${token} ${sealed}`)).toEqual([
      't1 true',
      't2 false',
    ]);
  });
});

test('OB6 what would not survive JSON is refused at the call, and nothing is queued', async () => {
  const { client } = await startClient();
  expect(thrownBy(() => client.insert(todos, { id: 'a', title: 'x', n: NaN }))).toBe(
    'NOT_SERIALIZABLE: todos "a": n is NaN; JSON turns it into null.',
  );
  expect([client.get(todos, 'a'), client.pending()]).toEqual([undefined, []]);
});

describe('OB7 one unreadable row harms nobody', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['a record without a token', { ...mutation('x'), token: undefined }],
    ['a record with damaged changes', { ...mutation('x'), changes: [{ kind: 'merge' }] }],
  ])('%s in a record is reported and kept, its mates are sent', async (_name, damaged) => {
    const device = createDevice();
    const storage = memoryStorage({ disk: device.disk });
    await storage.open('app');
    const good = {
      ...mutation('t0'),
      name: '@insert',
      changes: [{ kind: 'insert' as const, collection: 'todos', id: 'a', row: todo('a') }],
    };
    await storage.write({ append: [[damaged as never, good]] });
    const client = device.open();
    const reports: string[] = [];
    client.on('storage.quarantined', ({ what, error }) => reports.push(`${what} ${error.code}`));
    await device.clock.advance(5_000);
    expect(reports).toEqual(['log 1[0] UNREADABLE']);
    expect(device.server.get('todos', 'a')).toEqual(todo('a'));
    expect(client.pending()).toEqual([]);
    expect(await storedIn(device)).toEqual([damaged]);
  });
});

describe('OB8 a definition that is missing', () => {
  const rename = (version?: number) =>
    defineMutation({
      name: 'rename',
      optimistic: (tx, v: { title: string }) => tx.update(todos, 'a', v),
      ...(version !== undefined && { version }),
    });
  async function leave(definition = rename()) {
    const device = createDevice();
    device.server.put('todos', 'a', todo('a'));
    const client = device.open({ mutations: [definition] });
    await device.settle();
    client.pause();
    client.mutate(definition, { title: 'renamed' });
    await device.settle();
    await client.dispose();
    return device;
  }

  test('parks the mutation: shown, reported, delaying its lane only, sent when the definition appears', async () => {
    const device = await leave();
    const without = device.open();
    const parked: string[] = [];
    without.on('mutation.parked', ({ name, error }) => parked.push(`${name} ${error.code}`));
    await device.settle();
    without.insert(todos, todo('b'));
    await device.clock.advance(60_000);
    expect(parked).toEqual(['rename HANDLER_MISSING']);
    expect(without.pending().map(({ state }) => state)).toEqual(['parked']);
    expect(without.get(todos, 'a')?.title).toBe('renamed');
    expect(device.server.get('todos', 'b')).toEqual(todo('b'));
    expect(device.server.get('todos', 'a')?.['title']).toBe('a');
    await without.dispose();
    device.open({ mutations: [rename()] });
    await device.settle();
    expect(device.server.get('todos', 'a')?.['title']).toBe('renamed');
  });

  test('one from a newer version is parked, never sent by older code', async () => {
    const device = await leave(rename(2));
    const older = device.open({ mutations: [rename(1)] });
    await device.clock.advance(60_000);
    expect(older.pending().map(({ state }) => state)).toEqual(['parked']);
    expect(device.server.journal.map(({ token }) => token)).toEqual([]);
  });
});
