import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineMutation, update, type MutationFnContext } from '../../src/domain/definition.js';
import { SyncError } from '../../src/domain/errors.js';
import type { StorageWrite } from '../../src/engine/ports.js';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import {
  answered,
  createDevice,
  heldTransport,
  outcomeOf,
  refused,
  startClient,
  storedIn,
  thrownBy,
  todos,
  watchedStorage,
} from './testClient.js';

const milk = { id: 'a', title: 'milk' };

async function startHeld() {
  const device = createDevice();
  const line = heldTransport(device.server, device.clock);
  const client = device.open({ transport: line, timeoutMs: 1e9 });
  await device.settle();
  return { ...device, client, line };
}

describe('MU1 the handle', () => {
  test('a token and three promises, settled in order', async () => {
    const { client, line, settle } = await startHeld();
    const handle = client.insert(todos, milk);
    const [enqueued, acknowledged, confirmed] = [handle.enqueued, handle.acknowledged, handle.confirmed].map(
      outcomeOf,
    );
    expect([handle.token, enqueued?.now]).toEqual(['t1', 'open']);
    await settle();
    expect([enqueued?.now, acknowledged?.now, confirmed?.now]).toEqual(['resolved', 'open', 'open']);
    await line.pushes[0]?.answer(answered(200, { result: { at: 7 } }));
    expect([acknowledged?.now, confirmed?.now]).toEqual(['resolved {"at":7}', 'resolved {"at":7}']);
  });

  test('a refusal rejects the last two with the one error that the event carries too', async () => {
    const { client, line, settle } = await startHeld();
    const errors: unknown[] = [];
    client.on('mutation.rejected', ({ error }) => errors.push(error));
    const handle = client.insert(todos, milk);
    await settle();
    await line.pushes[0]?.answer(refused);
    await handle.enqueued;
    await handle.acknowledged.catch((error: unknown) => errors.push(error));
    await handle.confirmed.catch((error: unknown) => errors.push(error));
    expect(errors).toHaveLength(3);
    expect(new Set(errors).size).toBe(1);
    expect(errors[0]).toMatchObject({ code: 'REFUSED', status: 422, recovery: 'user' });
  });

  test('nobody who does not listen hears of an unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listener);
    const { client, line, settle } = await startHeld();
    const touched = client.insert(todos, milk);
    expect([touched.enqueued, touched.acknowledged, touched.confirmed]).toHaveLength(3);
    const untouched = client.insert(todos, { id: 'b', title: 'oat' });
    await settle();
    await line.pushes[0]?.answer(refused, refused);
    expect([untouched.acknowledged, untouched.confirmed]).toHaveLength(2);
    await settle();
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });
});

test('MU2 a token settles once, whatever comes late or twice', async () => {
  const { client, line, clock, settle, server } = await startHeld();
  const log: string[] = [];
  for (const event of ['mutation.confirmed', 'mutation.rejected', 'mutation.cancelled'] as const)
    client.on(event, ({ token }) => log.push(`${event} ${token}`));
  const handle = client.insert(todos, milk);
  await settle();
  await line.pushes[0]?.pass();
  await line.pushes[0]?.answer(refused);
  expect(await client.rollback(handle.token)).toBe('settled');
  await clock.advance(60_000);
  expect(log).toEqual(['mutation.confirmed t1']);
  expect(server.timesApplied('t1')).toBe(1);
});

describe('MU3 rollback', () => {
  test('an unsent mutation leaves view, outbox and disk, and its promises reject with CANCELLED', async () => {
    const { client, server, disk, clock, settle } = await startClient();
    client.pause();
    const gone = client.insert(todos, milk);
    const stays = client.insert(todos, { id: 'b', title: 'oat' });
    await settle();
    const outcome = outcomeOf(gone.confirmed);
    expect(await client.rollback(gone.token)).toBe('cancelled');
    await settle();
    expect(outcome.now).toBe('rejected CANCELLED');
    expect(client.query(todos).map(({ id }) => id)).toEqual(['b']);
    expect((await storedIn({ disk })).map(({ token }) => token)).toEqual([stays.token]);
    client.resume();
    await clock.advance(1_000);
    expect(server.journal.map(({ token }) => token)).toEqual([stays.token]);
  });

  test('in the tick of the call', async () => {
    const { client, server, settle } = await startClient();
    const { token } = client.insert(todos, milk);
    const rolledBack = client.rollback(token);
    expect(client.get(todos, 'a')).toBeUndefined();
    expect(await rolledBack).toBe('cancelled');
    await settle();
    expect(server.journal).toEqual([]);
  });

  test('a sealed one stays, with ALREADY_SENT', async () => {
    const { client, line, settle } = await startHeld();
    const { token } = client.insert(todos, milk);
    await settle();
    await expect(client.rollback(token)).rejects.toMatchObject({ code: 'ALREADY_SENT', details: { token } });
    expect(client.get(todos, 'a')).toEqual(milk);
    await line.pushes[0]?.pass();
    expect(client.pending()).toEqual([]);
  });

  test('one that is being sealed stays visible and is sent, with ALREADY_SENT', async () => {
    const storage = memoryStorage();
    let complete = (): void => undefined;
    const sealing = {
      ...storage,
      write: async (write: StorageWrite) => {
        if (write.put?.seals !== undefined && write.outcomes === undefined)
          await new Promise<void>((resolve) => (complete = resolve));
        return storage.write(write);
      },
    };
    const { client, server, settle } = await startClient({ storage: sealing });
    const { token } = client.insert(todos, milk);
    await settle();
    const rolledBack = outcomeOf(client.rollback(token));
    complete();
    await settle();
    expect(rolledBack.now).toBe('rejected ALREADY_SENT');
    expect([client.get(todos, 'a'), server.timesApplied(token)]).toEqual([milk, 1]);
  });

  test('a settled or unknown one is a stated no-op', async () => {
    const { client, settle } = await startClient();
    const { token } = client.insert(todos, milk);
    await settle();
    expect(await client.rollback(token)).toBe('settled');
    expect(await client.rollback('never heard of')).toBe('settled');
    expect(client.get(todos, 'a')).toEqual(milk);
  });

  test('twice at once: cancelled once', async () => {
    const { client } = await startClient();
    client.pause();
    const { token } = client.insert(todos, milk);
    expect(await Promise.all([client.rollback(token), client.rollback(token)])).toEqual([
      'cancelled',
      'settled',
    ]);
  });

  test('when the storage fails, the mutation is visible again, for it is still queued', async () => {
    const storage = watchedStorage(memoryStorage());
    const { client, settle } = await startClient({ storage });
    client.pause();
    const { token } = client.insert(todos, milk);
    await settle();
    storage.fail = () => true;
    await expect(client.rollback(token)).rejects.toMatchObject({ code: 'STORAGE' });
    expect(client.pending()).toHaveLength(1);
    expect(client.get(todos, 'a')).toEqual(milk);
  });

  test('one that waits for the stored rows never happens', async () => {
    const device = createDevice();
    device.server.put('todos', 'a', milk);
    const before = device.open();
    await device.settle();
    await before.dispose();
    const client = device.open();
    const { token, confirmed } = client.update(todos, 'a', { title: 'oat' });
    const outcome = outcomeOf(confirmed);
    expect(await client.rollback(token)).toBe('cancelled');
    await device.settle();
    expect(outcome.now).toBe('rejected CANCELLED');
    expect(client.get(todos, 'a')).toEqual(milk);
  });
});

describe('MU7 a mutationFn of its own', () => {
  const define = (mutationFn: (v: { at: Date }, context: MutationFnContext) => Promise<unknown>) =>
    defineMutation({
      name: 'own',
      optimistic: (tx, v: { at: Date }) => tx.insert(todos, { id: 'a', title: v.at.toISOString() }),
      mutationFn,
    });

  test('is called with variables and context; what it returns reaches the promises and the event', async () => {
    const calls: unknown[] = [];
    const own = define(async (v, { idempotencyKey, attempt, changes, signal }) => {
      calls.push([
        v,
        idempotencyKey,
        attempt,
        changes.map(({ kind, id }) => `${kind} ${id}`),
        signal.aborted,
      ]);
      return { version: 3 };
    });
    const { client, server, clock } = await startClient({ mutations: [own] });
    const results: unknown[] = [];
    client.on('mutation.confirmed', ({ result }) => results.push(result));
    const handle = client.mutate(own, { at: new Date(0) });
    await clock.advance(1);
    expect(calls).toEqual([[{ at: new Date(0) }, 't1.0', 1, ['insert a'], false]]);
    expect(await handle.confirmed).toEqual({ version: 3 });
    expect(results).toEqual([{ version: 3 }]);
    expect(server.journal).toEqual([]);
    expect(client.get(todos, 'a')?.title).toBe('1970-01-01T00:00:00.000Z');
  });

  test('every attempt has the same key and changes, and a count', async () => {
    const calls: [string, number][] = [];
    const own = define(async (_v, { idempotencyKey, attempt }) => {
      calls.push([idempotencyKey, attempt]);
      if (attempt < 3) throw new TypeError('Failed to fetch');
    });
    const { client, clock } = await startClient({ mutations: [own] });
    const handle = client.mutate(own, { at: new Date(0) });
    await clock.advance(10_000);
    await handle.confirmed;
    expect(calls).toEqual([
      ['t1.0', 1],
      ['t1.0', 2],
      ['t1.0', 3],
    ]);
  });

  test('its signal is aborted by the time limit, and never after it is done', async () => {
    const signals: AbortSignal[] = [];
    const own = define(async (_v, { signal, attempt }) => {
      signals.push(signal);
      if (attempt === 1) await new Promise(() => undefined);
    });
    const { client, clock } = await startClient({ mutations: [own], timeoutMs: 1_000 });
    client.mutate(own, { at: new Date(0) });
    await clock.advance(999);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    await clock.advance(5_000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  test('OB6 a Date, a Map, a BigInt and a Blob reach it after a reload', async () => {
    const seen: unknown[] = [];
    const photo = { at: new Date(5), tags: new Map([['k', 1n]]), blob: new Blob(['photo']) };
    const own = defineMutation({
      name: 'photo',
      optimistic: (tx, { at }: typeof photo) => tx.insert(todos, { id: 'a', title: String(at.getTime()) }),
      mutationFn: async (v) => void seen.push(v),
    });
    const device = createDevice();
    const before = device.open({ mutations: [own] });
    before.pause();
    before.mutate(own, photo);
    await device.settle();
    await before.dispose();
    device.open({ mutations: [own] });
    await device.settle();
    expect(seen).toEqual([photo]);
    expect(await (seen[0] as typeof photo).blob.text()).toBe('photo');
  });
});

describe('MU8 a schema', () => {
  const rename = defineMutation({
    name: 'rename',
    schema: z.object({ id: z.string(), title: z.string().min(1) }),
    optimistic: (tx, v: { id: string; title: string }) => tx.update(todos, v.id, { title: v.title }),
  });

  test('bad variables throw at the call and queue nothing', async () => {
    const { client } = await startClient({ mutations: [rename] });
    client.insert(todos, milk);
    expect(thrownBy(() => client.mutate(rename, { id: 'a', title: '' }))).toMatch(
      /^VALIDATION: "rename": title: /,
    );
    expect(client.get(todos, 'a')).toEqual(milk);
    expect(client.pending({ name: 'rename' })).toEqual([]);
  });
});

test('a built-in mutation sets and removes fields as the direct call does', async () => {
  const { client } = await startClient();
  client.insert(todos, { ...milk, done: true });
  client.mutate(update(todos), { id: 'a', patch: { title: 'oat', done: undefined } as never });
  expect(client.get(todos, 'a')).toEqual({ id: 'a', title: 'oat' });
});

test('MU1 an error thrown by a mutationFn as a SyncError is passed on as it is', async () => {
  const mine = new SyncError('FORBIDDEN', 'Not yours.', { details: { owner: 'bob' } });
  const own = defineMutation({
    name: 'own',
    optimistic: (tx, todo: typeof milk) => tx.insert(todos, todo),
    mutationFn: () => Promise.reject(mine),
  });
  const { client, settle } = await startClient({ mutations: [own] });
  const { acknowledged } = client.mutate(own, milk);
  await settle();
  await expect(acknowledged).rejects.toBe(mine);
  expect(client.get(todos, 'a')).toBeUndefined();
});
