import { describe, expect, test } from 'vitest';
import { defineMutation, type AnyDefinition, type DefinitionOptions } from '../../src/domain/definition.js';
import { createDevice, heldTransport, outcomeOf, todos, type Todo } from './testClient.js';
import { logged, settlingsOf } from './wireLog.js';

type Edit = Pick<Todo, 'id'> & Partial<Todo>;

const edit = (options: Partial<DefinitionOptions<Edit, unknown>> = {}) =>
  defineMutation<Edit>({
    name: 'edit',
    optimistic: (tx, { id, ...fields }) => tx.update(todos, id, fields),
    ...options,
  });
const joined = (older: Edit, newer: Edit): Edit => ({ ...older, ...newer });

/** A client that has the rows a and b, and does not send before `client.resume()`. */
async function start(mutations: readonly AnyDefinition[] = []) {
  const device = createDevice({ commands: { edit: () => 'edited' } });
  for (const id of ['a', 'b']) device.server.put('todos', id, { id, title: id });
  const line = logged(device.server);
  const client = device.open({ transport: line, mutations });
  await device.settle();
  client.pause();
  const failures: string[] = [];
  client.on('client.failure', ({ error }) => failures.push(String(error)));
  return { ...device, client, requests: line.requests, settlings: settlingsOf(client), failures };
}

describe('CO3 nothing is merged across what cannot be merged', () => {
  test('a sealed mutation is not joined; those behind it are merged', async () => {
    const device = createDevice();
    device.server.put('todos', 'a', { id: 'a', title: 'a' });
    const line = heldTransport(device.server, device.clock);
    const client = device.open({ transport: { ...line, pull: device.server.pull.bind(device.server) } });
    await device.settle();
    for (const title of ['oat', 'rye', 'soy']) {
      client.update(todos, 'a', { title });
      await device.settle();
    }
    await line.pushes[0]?.pass();
    expect(line.pushes.map(({ keys }) => keys)).toEqual([['t1.0'], ['t4.0']]);
  });

  test('a mutation in between that says nothing of merging keeps both sides apart', async () => {
    const definition = edit();
    const { client, requests, settle } = await start([definition]);
    client.update(todos, 'a', { title: 'oat' });
    client.mutate(definition, { id: 'a', done: true });
    client.update(todos, 'a', { title: 'rye' });
    client.resume();
    await settle();
    expect(requests).toEqual([
      ['t1.0 update a {"title":"oat"}', 't2.0 update a {"done":true}', 't3.0 update a {"title":"rye"}'],
    ]);
  });

  test('mutations of two rows stay two', async () => {
    const { client, requests, settle } = await start();
    for (const id of ['a', 'b']) client.update(todos, id, { title: 'oat' });
    client.resume();
    await settle();
    expect(requests).toEqual([['t1.0 update a {"title":"oat"}', 't2.0 update b {"title":"oat"}']]);
  });

  test('a mutation that touches two rows is not merged, whatever its definition says', async () => {
    const both = defineMutation({
      name: 'both',
      optimistic: (tx, title: string) => {
        for (const id of ['a', 'b']) tx.update(todos, id, { title });
      },
      coalesce: (_older, newer) => newer,
    });
    const { client, requests, settle } = await start([both]);
    for (const title of ['oat', 'rye']) client.mutate(both, title);
    client.resume();
    await settle();
    expect(requests).toEqual([
      [
        't1.0 update a {"title":"oat"} + update b {"title":"oat"}',
        't2.0 update a {"title":"rye"} + update b {"title":"rye"}',
      ],
    ]);
  });

  test.each([
    ['the same scope: one', ['x', 'x', 'x'], ['t4.0 update a {"title":"3"}']],
    [
      'other scopes: apart',
      ['x', 'y', undefined],
      ['t1.0 update a {"title":"1"}', 't2.0 update a {"title":"2"}', 't3.0 update a {"title":"3"}'],
    ],
  ])('%s', async (_name, scopes, expected) => {
    const { client, requests, settle } = await start();
    scopes.forEach((scope, i) =>
      client.update(todos, 'a', { title: `${i + 1}` }, scope === undefined ? {} : { scope }),
    );
    client.resume();
    await settle();
    expect(requests).toEqual([expected]);
  });

  test('another of the scope in between keeps both sides apart', async () => {
    const { client, requests, settle } = await start();
    client.update(todos, 'a', { title: 'oat' }, { scope: 'x' });
    client.update(todos, 'b', { title: 'oat' }, { scope: 'x' });
    client.update(todos, 'a', { title: 'rye' }, { scope: 'x' });
    client.resume();
    await settle();
    expect(requests.flat()).toHaveLength(3);
  });

  test('one that waits for something else does not join what goes before', async () => {
    const { client, requests, settle } = await start();
    client.update(todos, 'a', { title: 'oat' });
    const { token } = client.insert(todos, { id: 'c', title: 'c' });
    client.update(todos, 'a', { title: 'rye' }, { dependsOn: [token] });
    client.resume();
    await settle();
    expect(requests).toEqual([
      [
        't1.0 update a {"title":"oat"}',
        't2.0 insert c {"id":"c","title":"c"}',
        't3.0 update a {"title":"rye"} after t2',
      ],
    ]);
  });
});

describe('CO4 named mutations merge as their definition says', () => {
  test('variables, by the transport: the changes that they make on the row', async () => {
    const definition = edit({ coalesce: joined });
    const { client, requests, settle, settlings, server } = await start([definition]);
    client.mutate(definition, { id: 'a', title: 'oat' });
    client.mutate(definition, { id: 'a', done: true });
    client.mutate(definition, { id: 'a', title: 'rye' });
    client.resume();
    await settle();
    expect(requests).toEqual([['t4.0 update a {"title":"rye","done":true}']]);
    expect(settlings).toEqual(['confirmed t1', 'confirmed t2', 'confirmed t3']);
    expect(server.get('todos', 'a')).toEqual(client.get(todos, 'a'));
  });

  test('variables, as a command: its arguments', async () => {
    const definition = edit({ coalesce: joined, command: true });
    const { client, requests, settle } = await start([definition]);
    const handles = [
      client.mutate(definition, { id: 'a', title: 'oat' }),
      client.mutate(definition, { id: 'a', done: true }),
    ].map(({ confirmed }) => outcomeOf(confirmed));
    client.resume();
    await settle();
    expect(requests).toEqual([['t3.0 edit({"id":"a","title":"oat","done":true})']]);
    expect(handles.map(({ now }) => now)).toEqual(['resolved "edited"', 'resolved "edited"']);
  });

  test('variables, by a function of its own: called once, with the same at every attempt and after a reload', async () => {
    const calls: unknown[] = [];
    const definition = edit({
      coalesce: joined,
      mutationFn: async (variables, { idempotencyKey, changes }) => {
        calls.push([variables, idempotencyKey, changes.length]);
        if (calls.length < 3) throw new TypeError('Failed to fetch');
      },
    });
    const { client, clock, open } = await start([definition]);
    client.mutate(definition, { id: 'a', title: 'oat' });
    client.mutate(definition, { id: 'a', done: true });
    client.resume();
    await clock.advance(500);
    await client.dispose();
    const next = open({ mutations: [definition] });
    await clock.advance(10_000);
    expect(calls).toEqual(Array(3).fill([{ id: 'a', title: 'oat', done: true }, 't3.0', 1]));
    expect(next.pending()).toEqual([]);
  });

  test("'annul': nothing is sent, and all have succeeded", async () => {
    const definition = edit({ coalesce: (older, newer) => (older.done === newer.done ? newer : 'annul') });
    const { client, requests, settle, settlings } = await start([definition]);
    for (const done of [true, false]) client.mutate(definition, { id: 'a', done });
    client.resume();
    await settle();
    expect([requests, settlings]).toEqual([[], ['annulled t1', 'annulled t2']]);
  });

  test('undefined: they go one by one', async () => {
    const definition = edit({ coalesce: () => undefined });
    const { client, requests, settle, failures } = await start([definition]);
    for (const title of ['oat', 'rye']) client.mutate(definition, { id: 'a', title });
    client.resume();
    await settle();
    expect(requests).toEqual([['t1.0 update a {"title":"oat"}', 't2.0 update a {"title":"rye"}']]);
    expect(failures).toEqual([]);
  });

  test('no coalesce: they go one by one', async () => {
    const definition = edit();
    const { client, requests, settle } = await start([definition]);
    for (const title of ['oat', 'rye']) client.mutate(definition, { id: 'a', title });
    client.resume();
    await settle();
    expect(requests.flat()).toHaveLength(2);
  });

  test('a refused merge is split (CO6), and each has its own variables again', async () => {
    const definition = edit({
      coalesce: (older, newer) => Object.assign(older, newer), // it may edit what it is given
    });
    const { client, server, requests, settle, settlings } = await start([definition]);
    server.refuse((op) => op.kind === 'update' && op.patch['n'] === -1 && 422);
    client.mutate(definition, { id: 'a', title: 'oat' });
    client.mutate(definition, { id: 'a', n: -1 });
    client.resume();
    await settle();
    expect(requests.flat()).toEqual([
      't3.0 update a {"title":"oat","n":-1}',
      't1.0 update a {"title":"oat"}',
      't2.0 update a {"n":-1}',
    ]);
    expect(settlings).toEqual(['confirmed t1', 'rejected t2 REFUSED']);
    expect(client.deadLetters()[0]?.variables).toEqual({ id: 'a', n: -1 });
  });

  test.each<[string, NonNullable<DefinitionOptions<Edit, unknown>['coalesce']>]>([
    [
      'throws',
      () => {
        throw new Error('no idea');
      },
    ],
    ['returns a promise', (() => Promise.reject(new Error('late'))) as never],
    ['returns what cannot be stored', (() => ({ id: 'a', title: () => 'oat' })) as never],
  ])('a coalesce that %s: told, nothing is lost, they go one by one', async (_name, coalesce) => {
    const definition = edit({ coalesce });
    const { client, requests, settle, settlings, failures } = await start([definition]);
    for (const title of ['oat', 'rye']) client.mutate(definition, { id: 'a', title });
    client.update(todos, 'b', { done: true });
    client.resume();
    await settle();
    expect(requests.flat().sort()).toEqual([
      't1.0 update a {"title":"oat"}',
      't2.0 update a {"title":"rye"}',
      't3.0 update b {"done":true}',
    ]);
    expect(settlings.sort()).toEqual(['confirmed t1', 'confirmed t2', 'confirmed t3']);
    expect(failures[0]).toMatch(/^SyncError: "edit": its coalesce (threw|returned) .*go one by one\.$/);
  });
});
