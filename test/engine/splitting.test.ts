import { describe, expect, test } from 'vitest';
import { defineMutation } from '../../src/domain/definition.js';
import type { WireOp } from '../../src/testing/scriptedServer.js';
import { createDevice, everybody, heldTransport, outcomeOf, todos } from './testClient.js';
import { logged, settlingsOf } from './wireLog.js';

const milk = { id: 'a', title: 'milk' };
const rename = defineMutation({
  name: 'rename',
  optimistic: (tx, { id, title }: { id: string; title: string }) => tx.update(todos, id, { title }),
});
const isGuilty = (op: WireOp): boolean => op.kind === 'update' && Number(op.patch['n']) < 0;

/** A client that has the row of the server, and does not send before `client.resume()`. */
async function start() {
  const device = createDevice();
  device.server.put('todos', 'a', milk);
  device.server.refuse((op) => isGuilty(op) && 422);
  const line = logged(device.server);
  const client = device.open({ transport: line, mutations: [rename] });
  await device.settle();
  client.pause();
  return { ...device, client, requests: line.requests, settlings: settlingsOf(client) };
}

test('CO5 SC1 what follows a merge waits for its answer: its members, going one by one, must not be overtaken', async () => {
  const { client, server, requests, settle } = await start();
  client.update(todos, 'a', { title: 'first' });
  client.update(todos, 'a', { n: -1 });
  client.mutate(rename, { id: 'a', title: 'second' }); // says nothing of merging
  await settle();
  client.resume();
  await client.sync({ direction: 'push' });
  expect(requests).toEqual([
    ['t4.0 update a {"title":"first","n":-1}'],
    ['t1.0 update a {"title":"first"}', 't2.0 update a {"n":-1}', 't3.0 update a {"title":"second"}'],
  ]);
  expect([server.get('todos', 'a'), client.get(todos, 'a')]).toEqual([
    { id: 'a', title: 'second' },
    { id: 'a', title: 'second' },
  ]);
});

describe('CO6 a refused merge is split', () => {
  test('of 100 edits merged under one key, one with an invalid field: 99 stay, one is a dead letter', async () => {
    const { client, server, requests } = await start();
    const handles = Array.from({ length: 100 }, (_, i) =>
      client.update(todos, 'a', i === 49 ? { n: -1 } : { title: `v${i}` }),
    );
    const outcomes = handles.map(({ confirmed }) => outcomeOf(confirmed));
    client.resume();
    const { summary } = await client.sync({ direction: 'push' });
    expect(requests.map((ops) => ops.length)).toEqual([1, 100]);
    expect(requests[0]).toEqual(['t101.0 update a {"title":"v99","n":-1}']);
    expect(requests[1]?.[49]).toBe('t50.0 update a {"n":-1}');
    expect(client.deadLetters().map(({ token, error }) => `${token} ${error.code}`)).toEqual(['t50 REFUSED']);
    expect(outcomes.map(({ now }) => now).filter((now) => now !== 'resolved')).toEqual(['rejected REFUSED']);
    expect([server.get('todos', 'a'), client.get(todos, 'a')]).toEqual([
      { ...milk, title: 'v99' },
      { ...milk, title: 'v99' },
    ]);
    expect(summary).toMatchObject({ requests: 2, attempted: 200, retried: 100, confirmed: 99, rejected: 1 });
  });

  test('a restart does not merge again what was split', async () => {
    const device = createDevice();
    device.server.refuse((op) => isGuilty(op) && 422);
    const held = heldTransport(device.server, device.clock);
    const before = device.open({ transport: held, timeoutMs: 1e9 });
    before.insert(todos, milk);
    await device.settle();
    await held.pushes[0]?.pass();
    before.pause();
    before.update(todos, 'a', { title: 'oat' });
    before.update(todos, 'a', { n: -1 });
    before.resume();
    await device.settle();
    before.pause();
    await held.pushes[1]?.pass();
    await before.dispose();
    const line = logged(device.server);
    const after = device.open({ transport: line });
    await device.settle();
    expect(line.requests).toEqual([['t2.0 update a {"title":"oat"}', 't3.0 update a {"n":-1}']]);
    expect([after.deadLetters().map(({ token }) => token), after.get(todos, 'a')]).toEqual([
      ['t3'],
      { ...milk, title: 'oat' },
    ]);
  });

  test('until they are decided one by one, none has left and all are shown', async () => {
    const device = createDevice();
    device.server.refuse((op) => isGuilty(op) && 422);
    const line = heldTransport(device.server, device.clock);
    const client = device.open({ transport: line, timeoutMs: 1e9 });
    await device.settle();
    client.pause();
    client.insert(todos, milk);
    client.update(todos, 'a', { title: 'oat' });
    client.update(todos, 'a', { n: -1 });
    const settlings = settlingsOf(client);
    const shown: unknown[] = [];
    client.subscribe(todos, 'a', () => shown.push(client.get(todos, 'a')));
    client.resume();
    await device.settle();
    device.server.refuse((op) => op.kind === 'insert' && op.data['n'] === -1 && 422);
    await line.pushes[0]?.pass();
    expect([settlings, client.pending().length, shown]).toEqual([[], 3, []]);
    await line.pushes[1]?.pass();
    expect(settlings).toEqual(['confirmed t1', 'confirmed t2', 'rejected t3 REFUSED']);
    expect(shown).toEqual([{ ...milk, title: 'oat' }]);
  });

  test('each of them may be taken back again, and none merges again', async () => {
    const device = createDevice();
    device.server.refuse((op) => isGuilty(op) && 422);
    const line = { ...heldTransport(device.server, device.clock), ordered: false };
    device.server.put('todos', 'a', milk);
    const client = device.open({ transport: { ...line, pull: device.server.pull.bind(device.server) } });
    await device.settle();
    client.pause();
    client.update(todos, 'a', { title: 'oat' });
    client.update(todos, 'a', { n: -1 });
    const { token } = client.update(todos, 'a', { done: true });
    client.resume();
    await device.settle();
    await line.pushes[0]?.pass();
    expect(line.pushes.map(({ keys }) => keys)).toEqual([['t4.0'], ['t1.0']]);
    expect(await client.rollback(token)).toBe('cancelled');
    client.update(todos, 'a', { done: false });
    client.update(todos, 'a', { title: 'rye' });
    await line.pushes[1]?.pass();
    await line.pushes[2]?.pass();
    await line.pushes[3]?.pass();
    expect(line.pushes.map(({ keys }) => keys)).toEqual([['t4.0'], ['t1.0'], ['t2.0'], ['t7.0']]);
    expect(client.get(todos, 'a')).toEqual({ ...milk, title: 'rye', done: false });
  });

  test('a merge of which all are guilty leaves as many dead letters', async () => {
    const { client, requests, settlings, settle } = await start();
    for (let i = 0; i < 3; i++) client.update(todos, 'a', { n: -1 - i });
    client.resume();
    await settle();
    expect(requests.map((ops) => ops.length)).toEqual([1, 3]);
    expect(settlings).toEqual(['rejected t1 REFUSED', 'rejected t2 REFUSED', 'rejected t3 REFUSED']);
    expect(client.get(todos, 'a')).toEqual(milk);
  });

  test('each goes under its own key, with its own content', async () => {
    const { client, server, requests, settle } = await start();
    client.update(todos, 'a', { title: 'oat' });
    client.update(todos, 'a', { n: -1 });
    client.resume();
    await settle();
    expect(requests.flat()).toEqual([
      't3.0 update a {"title":"oat","n":-1}',
      't1.0 update a {"title":"oat"}',
      't2.0 update a {"n":-1}',
    ]);
    expect(server.journal.map(({ key }) => key)).toEqual(['t1.0']);
  });

  test('a merge that has no answer yet stays one, and what came later goes by itself', async () => {
    const device = createDevice();
    device.server.put('todos', 'a', milk);
    let busy = true;
    device.server.refuse(() => busy && 503);
    const line = logged(device.server);
    const client = device.open({ transport: line });
    await device.settle();
    client.pause();
    client.update(todos, 'a', { title: 'oat' });
    client.update(todos, 'a', { done: true });
    client.resume();
    await device.settle();
    client.update(todos, 'a', { n: 5 });
    busy = false;
    await device.clock.advance(10_000);
    expect(line.requests.flat()).toEqual([
      't3.0 update a {"title":"oat","done":true}',
      't3.0 update a {"title":"oat","done":true}',
      't4.0 update a {"n":5}',
    ]);
  });

  test('after a crash between the refusal and the next request the innocent one stays all the same', async () => {
    const device = createDevice();
    device.server.put('todos', 'a', milk);
    device.server.refuse((op) => isGuilty(op) && 422);
    const line = heldTransport(device.server, device.clock);
    const client = device.open({ transport: { ...line, pull: device.server.pull.bind(device.server) } });
    await device.settle();
    client.pause();
    client.update(todos, 'a', { title: 'oat' });
    client.update(todos, 'a', { n: -1 });
    client.resume();
    await device.settle();
    await line.pushes[0]?.pass();
    await client.dispose();
    const next = device.open();
    await device.clock.advance(10_000);
    expect(next.deadLetters().map(({ token }) => token)).toEqual(['t2']);
    expect([next.pending(), device.server.get('todos', 'a')]).toEqual([[], { ...milk, title: 'oat' }]);
    expect(device.server.timesApplied('t1')).toBe(1);
  });

  test('TB3 two leaders hear the refusal: it is split once, and each mutation is decided once', async () => {
    const device = createDevice({ lease: everybody });
    device.server.put('todos', 'a', milk);
    device.server.refuse((op) => isGuilty(op) && 422);
    const lines = [1, 2].map(() => heldTransport(device.server, device.clock));
    const [one, two] = lines.map((line) =>
      device.open({ transport: { ...line, pull: device.server.pull.bind(device.server) }, timeoutMs: 1e9 }),
    );
    await device.settle();
    const settlings = one && settlingsOf(one);
    one?.update(todos, 'a', { title: 'oat' });
    one?.update(todos, 'a', { n: -1 });
    await device.settle();
    for (let round = 0; round < 4; round++)
      for (const line of lines) for (const push of line.pushes) await push.pass();
    await device.settle();
    expect(settlings).toEqual(['confirmed t1', 'rejected t2 REFUSED']);
    expect([one?.pending(), two?.pending(), two?.deadLetters().map(({ token }) => token)]).toEqual([
      [],
      [],
      ['t2'],
    ]);
    expect(device.server.journal.map(({ token }) => token)).toEqual(['t1']);
    expect(two?.get(todos, 'a')).toEqual({ ...milk, title: 'oat' });
  });
});
