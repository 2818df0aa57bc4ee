import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { defineCollection } from '../../src/domain/collection.js';
import { defineMutation } from '../../src/domain/definition.js';
import type { Token } from '../../src/domain/mutation.js';
import type { SyncClient } from '../../src/engine/client.js';
import type { SyncStorage } from '../../src/engine/ports.js';
import { createDevice, heldTransport, outcomeOf, refused, thrownBy, todos } from './testClient.js';
import { lineOf, logged, settlingsOf } from './wireLog.js';

const notes = defineCollection<{ id: string; todoId: string }>({
  name: 'notes',
  key: 'id',
  references: { todoId: 'todos' },
});
const finish = defineMutation({
  name: 'finish',
  optimistic: (tx, id: string) => tx.update(todos, id, { done: true }),
});
const todo = (id: string) => ({ id, title: id });

/** A client whose pushes are held by the test. */
async function start() {
  const device = createDevice();
  const line = heldTransport(device.server, device.clock);
  const own = { collections: [todos, notes], mutations: [finish], timeoutMs: 1e9 };
  const client = device.open({ ...own, transport: line });
  await device.settle();
  const sent = () => line.pushes.flatMap(({ bodies }) => bodies).map(lineOf);
  return { ...device, client, line, own, sent, settlings: settlingsOf(client) };
}

describe('SC4 what builds on a refused insert is refused with it', () => {
  test('queued updates of that row: never sent, and the error names the cause', async () => {
    const { client, line, clock, settle, settlings, sent } = await start();
    client.insert(todos, todo('a'));
    await settle();
    const queued = [client.update(todos, 'a', { n: 1 }), client.mutate(finish, 'a')];
    await settle();
    await line.pushes[0]?.answer(refused);
    await clock.advance(60_000);
    expect(sent()).toHaveLength(1);
    expect(settlings).toEqual(['rejected t1 REFUSED', 'rejected t2 DEPENDENCY', 'rejected t3 DEPENDENCY']);
    for (const { confirmed } of queued) {
      const error = await confirmed.then(undefined, (reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'DEPENDENCY',
        recovery: 'user',
        details: { cause: 't1' },
        cause: { code: 'REFUSED', status: 422 },
      });
    }
    expect(client.deadLetters().map(({ token, causedBy }) => [token, causedBy])).toEqual([
      ['t1', undefined],
      ['t2', 't1'],
      ['t3', 't1'],
    ]);
    expect([client.get(todos, 'a'), client.status.get()]).toMatchObject([
      undefined,
      { pending: 0, failed: 3 },
    ]);
  });

  test('what was called while its refusal was being stored: on the base that is left it does nothing', async () => {
    const device = createDevice();
    device.server.refuse(({ kind }) => kind === 'insert' && 422);
    const line = logged(device.server);
    const memory = memoryStorage({ disk: device.disk });
    const called: Token[] = [];
    const storage: SyncStorage = {
      ...memory,
      write(write) {
        if (write.outcomes?.length && called.length === 0) called.push(client.mutate(finish, 'a').token);
        return memory.write(write);
      },
    };
    const client: SyncClient = device.open({ storage, transport: line, mutations: [finish] });
    await device.settle();
    client.insert(todos, todo('a'));
    await device.clock.advance(60_000);
    expect(called).toEqual(['t2']);
    expect(line.requests).toEqual([['t1.0 insert a {"id":"a","title":"a"}']]);
    expect(client.deadLetters().map(({ token, causedBy }) => `${token} ← ${causedBy}`)).toEqual([
      't1 ← undefined',
      't2 ← t1',
    ]);
  });

  test('what names it in dependsOn, and what builds on that, each with its own cause', async () => {
    const { client, line, clock, settle, sent, settlings } = await start();
    const first = client.insert(todos, todo('a'));
    await settle();
    const second = client.insert(todos, todo('b'), { dependsOn: [first.token] });
    client.update(todos, 'b', { done: true });
    client.insert(todos, todo('c'), { dependsOn: [second.token] });
    client.insert(todos, todo('free'));
    await settle();
    await line.pushes[0]?.answer(refused);
    await line.pushes[1]?.pass();
    await clock.advance(60_000);
    expect(sent()).toEqual([
      't1.0 insert a {"id":"a","title":"a"}',
      't5.0 insert free {"id":"free","title":"free"}',
    ]);
    expect(client.deadLetters().map(({ token, causedBy }) => `${token} ← ${causedBy}`)).toEqual([
      't1 ← undefined',
      't2 ← t1',
      't4 ← t2',
      't3 ← t2',
    ]);
    expect(settlings.at(-1)).toBe('confirmed t5');
  });

  test('what refers to it by a declared reference, without being told', async () => {
    const { client, line, settle, settlings, sent } = await start();
    client.insert(todos, todo('a'));
    await settle();
    client.insert(notes, { id: 'n', todoId: 'a' });
    client.insert(notes, { id: 'm', todoId: 'elsewhere' });
    await settle();
    await line.pushes[0]?.answer(refused);
    await line.pushes[1]?.pass();
    expect(settlings).toEqual(['rejected t1 REFUSED', 'rejected t2 DEPENDENCY', 'confirmed t3']);
    expect(sent().map((op) => op.split(' ')[0])).toEqual(['t1.0', 't3.0']);
  });

  test('a reference goes behind its insert, in whichever order they are wanted', async () => {
    const { client, line, settle, sent } = await start();
    client.pause();
    client.insert(todos, todo('a'), { priority: 'background' });
    client.insert(notes, { id: 'n', todoId: 'a' }, { priority: 'critical' });
    client.resume();
    await settle();
    await line.pushes[0]?.pass();
    expect(sent()).toEqual([
      't1.0 insert a {"id":"a","title":"a"}',
      't2.0 insert n {"id":"n","todoId":"a"} after t1',
    ]);
  });

  test('a queued delete of the row has nothing to do, which is success', async () => {
    const { client, line, settle, settlings, sent } = await start();
    client.insert(todos, todo('a'));
    await settle();
    const removed = outcomeOf(client.delete(todos, 'a').confirmed);
    await settle();
    await line.pushes[0]?.answer(refused);
    expect([removed.now, settlings]).toEqual(['resolved', ['rejected t1 REFUSED', 'annulled t2']]);
    expect([sent().length, client.deadLetters().length, client.pending()]).toEqual([1, 1, []]);
  });

  test('an insert of another row under that id is no dependent', async () => {
    const { client, line, settle, settlings } = await start();
    client.insert(todos, todo('a'));
    await settle();
    client.delete(todos, 'a');
    client.insert(todos, { id: 'a', title: 'new' });
    client.mutate(finish, 'a');
    await settle();
    await line.pushes[0]?.answer(refused);
    await line.pushes[1]?.pass();
    expect(settlings).toEqual(['rejected t1 REFUSED', 'annulled t2', 'confirmed t3', 'confirmed t4']);
    expect(client.get(todos, 'a')).toEqual({ id: 'a', title: 'new', done: true });
  });

  test('a refused update refuses nobody: what follows says its own', async () => {
    const { client, line, settle, settlings, server } = await start();
    server.put('todos', 'a', todo('a'));
    client.insert(todos, todo('b'));
    await settle();
    await line.pushes[0]?.pass();
    client.update(todos, 'b', { n: 1 });
    await settle();
    client.update(todos, 'b', { done: true });
    await settle();
    await line.pushes[1]?.answer(refused);
    await line.pushes[2]?.pass();
    expect(settlings).toEqual(['confirmed t1', 'rejected t2 REFUSED', 'confirmed t3']);
  });
});

describe('SC4 a call that builds on a dead letter', () => {
  test('throws DEPENDENCY, shows nothing and queues nothing', async () => {
    const { client, line, settle } = await start();
    const { token } = client.insert(todos, todo('a'));
    await settle();
    await line.pushes[0]?.answer(refused);
    expect(thrownBy(() => client.insert(todos, todo('b'), { dependsOn: [token] }))).toBe(
      'DEPENDENCY: "@insert" builds on "@insert" (t1), which was not accepted; repair that one first.',
    );
    expect([client.get(todos, 'b'), client.pending()]).toEqual([undefined, []]);
  });

  test('retried without it, it is refused the same way, and stays', async () => {
    const { client, line, settle } = await start();
    const { token } = client.insert(todos, todo('a'));
    await settle();
    const other = client.insert(todos, todo('b'), { dependsOn: [token] });
    client.update(todos, 'a', { done: true });
    await settle();
    await line.pushes[0]?.answer(refused);
    expect(thrownBy(() => client.retry(other.token))).toMatch(
      /^DEPENDENCY: "@insert" builds on "@insert" \(t1\)/,
    );
    expect(thrownBy(() => client.retry('t3'))).toMatch(/^ENTITY_NOT_FOUND: /);
    expect([client.deadLetters().length, client.pending(), client.query(todos)]).toEqual([3, [], []]);
  });

  test('in another tab, which has not heard yet, is refused before it is sent', async () => {
    const { client, line, settle, open, own, server } = await start();
    const other = open({ ...own, transport: server });
    await settle();
    const { token } = client.insert(todos, todo('a'));
    await settle();
    const answering = line.pushes[0]?.answer(refused);
    const late = outcomeOf(other.insert(todos, todo('b'), { dependsOn: [token] }).confirmed);
    await answering;
    await settle();
    expect([late.now, server.journal]).toEqual(['rejected DEPENDENCY', []]);
    expect(client.deadLetters().map(({ causedBy }) => causedBy)).toEqual([undefined, 't1']);
  });

  test('a dependency that was accepted, or is not known, holds nobody back', async () => {
    const { client, line, settle } = await start();
    const { token } = client.insert(todos, todo('a'));
    await settle();
    await line.pushes[0]?.pass();
    client.insert(todos, todo('b'), { dependsOn: [token, 'never heard of'] });
    await settle();
    await line.pushes[1]?.pass();
    expect(client.pending()).toEqual([]);
  });
});
