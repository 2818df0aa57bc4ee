import { describe, expect, test } from 'vitest';
import { defineMutation, type AnyDefinition } from '../../src/domain/definition.js';
import { createDevice, storedIn, todos, type Device } from './testClient.js';
import { logged, settlingsOf } from './wireLog.js';

const milk = { id: 'a', title: 'milk' };

interface V1 {
  readonly id: string;
  readonly name: string;
}
interface V2 {
  readonly id: string;
  readonly title: string;
}

const renameV1 = defineMutation({
  name: 'rename',
  optimistic: (tx, { id, name }: V1) => tx.update(todos, id, { title: name }),
});
const renameV2 = (migrate: (variables: unknown, from: number) => V2) =>
  defineMutation({
    name: 'rename',
    version: 2,
    migrate,
    optimistic: (tx, { id, title }: V2) => tx.update(todos, id, { title }),
  });
const migrate = (variables: unknown): V2 => {
  const { id, name } = variables as V1;
  return { id, title: `${name}!` };
};

/** A device on which an app with `renameV1` has left a rename unsent. */
async function start() {
  const device = createDevice({ commands: { rename: () => undefined } });
  device.server.put('todos', 'a', milk);
  const old = device.open({ mutations: [renameV1] });
  await device.settle();
  old.pause();
  old.mutate(renameV1, { id: 'a', name: 'oat' });
  old.insert(todos, { id: 'b', title: 'b' });
  await device.settle();
  await old.dispose();
  return device;
}

/** The app as it is deployed next. */
async function deploy(device: Device, mutations: readonly AnyDefinition[]) {
  const line = logged(device.server);
  const client = device.open({ transport: line, mutations });
  const parked: string[] = [];
  client.on('mutation.parked', ({ token, error }) => parked.push(`${token} ${error.code}`));
  const settlings = settlingsOf(client);
  await device.settle();
  return { client, requests: line.requests, parked, settlings };
}

describe('OB8 variables of an older version', () => {
  test('are migrated when they are read: shown and sent in the new shape', async () => {
    const device = await start();
    const asked: unknown[] = [];
    const { client, requests, settlings } = await deploy(device, [
      renameV2((variables, from) => {
        asked.push([variables, from]);
        return migrate(variables);
      }),
    ]);
    expect(asked[0]).toEqual([{ id: 'a', name: 'oat' }, 1]);
    expect(requests.flat()).toContain('t1.0 update a {"title":"oat!"}');
    expect([settlings, client.get(todos, 'a')?.title]).toEqual([['confirmed t1', 'confirmed t2'], 'oat!']);
  });

  test('what an old tab still writes is migrated by the tab that drains', async () => {
    const device = await start();
    const { client } = await deploy(device, [renameV2(migrate)]);
    const old = device.open({ mutations: [renameV1] });
    await device.settle();
    old.mutate(renameV1, { id: 'a', name: 'rye' });
    await device.settle();
    expect([client.get(todos, 'a')?.title, device.server.get('todos', 'a')?.['title']]).toEqual([
      'rye!',
      'rye!',
    ]);
    expect([old.pending(), client.pending()]).toEqual([[], []]);
  });

  test('of what goes by a function of its own reach it in the new shape, after a first attempt, too', async () => {
    const device = createDevice();
    const calls: unknown[] = [];
    const send = (variables: unknown): Promise<void> => {
      calls.push(variables);
      return calls.length === 1 ? Promise.reject(new TypeError('Failed to fetch')) : Promise.resolve();
    };
    const v1 = defineMutation({
      name: 'own',
      optimistic: (tx, { id, name }: V1) => tx.insert(todos, { id, title: name }),
      mutationFn: send,
    });
    const v2 = defineMutation({
      name: 'own',
      version: 2,
      migrate,
      optimistic: (tx, { id, title }: V2) => tx.insert(todos, { id, title }),
      mutationFn: send,
    });
    const old = device.open({ mutations: [v1] });
    old.mutate(v1, { id: 'x', name: 'oat' });
    await device.settle();
    await old.dispose();
    await deploy(device, [v2]);
    await device.clock.advance(1_000);
    expect(calls).toEqual([
      { id: 'x', name: 'oat' },
      { id: 'x', title: 'oat!' },
    ]);
  });

  test('a definition without migrate takes them as they are', async () => {
    const device = await start();
    const { requests } = await deploy(device, [
      defineMutation({
        name: 'rename',
        version: 2,
        optimistic: (tx, { id, name }: V1) => tx.update(todos, id, { title: name }),
      }),
    ]);
    expect(requests.flat()).toContain('t1.0 update a {"title":"oat"}');
  });
});

describe('OB8 what cannot be read is parked: kept as it was, shown, not sent; the others go on', () => {
  test.each<[string, string, (v: unknown, from: number) => V2]>([
    [
      'throws',
      'threw RangeError: no idea',
      () => {
        throw new RangeError('no idea');
      },
    ],
    [
      'returns a promise',
      'returned a promise; it must be synchronous',
      (() => Promise.reject(new Error('late'))) as never,
    ],
  ])('migrate %s: MIGRATION_FAILED', async (_name, what, broken) => {
    const device = await start();
    const before = await storedIn(device);
    const { client, parked, settlings } = await deploy(device, [renameV2(broken)]);
    await device.clock.advance(600_000);
    expect([parked, settlings]).toEqual([['t1 MIGRATION_FAILED'], ['confirmed t2']]);
    expect(client.pending()).toMatchObject([
      { token: 't1', state: 'parked', failureReason: { code: 'MIGRATION_FAILED' } },
    ]);
    expect(client.pending()[0]?.failureReason?.message).toContain(`its migrate ${what} for stored variables`);
    expect([client.get(todos, 'a')?.title, client.status.get()]).toMatchObject(['oat', { held: 1 }]);
    expect(await storedIn(device)).toEqual(before.slice(0, 1));
    await client.dispose();
    const { settlings: then } = await deploy(device, [renameV2(migrate)]);
    expect([then, device.server.get('todos', 'a')?.['title']]).toEqual([['confirmed t1'], 'oat!']);
  });

  test('a newer version than this app knows: HANDLER_MISSING, and never drained by older code', async () => {
    const device = createDevice();
    device.server.put('todos', 'a', milk);
    const v2 = renameV2(migrate);
    const newer = device.open({ mutations: [v2] });
    await device.settle();
    newer.pause();
    newer.mutate(v2, { id: 'a', title: 'oat' });
    await device.settle();
    await newer.dispose();
    const { client, parked } = await deploy(device, [renameV1]);
    await device.clock.advance(600_000);
    expect([parked, device.server.journal, client.get(todos, 'a')?.title]).toEqual([
      ['t1 HANDLER_MISSING'],
      [],
      'oat',
    ]);
    await client.dispose();
    const { settlings } = await deploy(device, [v2]);
    expect(settlings).toEqual(['confirmed t1']);
  });

  test('a definition that is gone: kept, its lane waits, it can be taken back; sent when it is there again', async () => {
    const device = await start();
    const { client, parked, settlings } = await deploy(device, []);
    client.update(todos, 'a', { done: true });
    await device.clock.advance(600_000);
    expect([parked, settlings]).toEqual([['t1 HANDLER_MISSING'], ['confirmed t2']]);
    expect(client.pending().map(({ token, state }) => `${token} ${state}`)).toEqual([
      't1 parked',
      't3 queued',
    ]);
    expect(client.get(todos, 'a')).toEqual({ ...milk, title: 'oat', done: true });
    await client.dispose();
    const again = await deploy(device, [renameV1]);
    expect(again.settlings).toEqual(['confirmed t1', 'confirmed t3']);
    expect(device.server.get('todos', 'a')).toEqual({ ...milk, title: 'oat', done: true });
  });

  test('parked, it can be rolled back', async () => {
    const device = await start();
    const { client } = await deploy(device, []);
    expect(await client.rollback('t1')).toBe('cancelled');
    expect([client.get(todos, 'a'), client.pending()]).toEqual([milk, []]);
  });

  test('sealed, and then its definition goes: not sent by anybody, and with the same bytes when it is back', async () => {
    const device = createDevice();
    device.server.put('todos', 'a', milk);
    device.server.refuse(() => 503);
    const line = logged(device.server);
    const old = device.open({ transport: line, mutations: [renameV1] });
    await device.settle();
    old.mutate(renameV1, { id: 'a', name: 'oat' });
    await device.settle();
    await old.dispose();
    const { client, requests } = await deploy(device, []);
    await device.clock.advance(600_000);
    expect([requests, client.pending()]).toMatchObject([[], [{ state: 'parked', sealed: true }]]);
    await client.dispose();
    const again = await deploy(device, [renameV2(migrate)]);
    expect(again.requests).toEqual(line.requests);
  });

  test('a dead letter whose definition is gone cannot be retried, and stays', async () => {
    const device = await start();
    device.server.refuse((op) => op.kind === 'update' && 422);
    const first = await deploy(device, [renameV1]);
    await first.client.dispose();
    const { client } = await deploy(device, []);
    expect(() => client.retry('t1')).toThrow(expect.objectContaining({ code: 'HANDLER_MISSING' }) as Error);
    expect(client.deadLetters().map(({ token }) => token)).toEqual(['t1']);
    await client.dispose();
    const { client: next, requests } = await deploy(device, [renameV2(migrate)]);
    next.retry('t1');
    await device.settle();
    expect(requests.flat()).toEqual(['t1.1 update a {"title":"oat!"}']);
  });
});
