import { describe, expect, test } from 'vitest';
import { defineMutation, update } from '../../src/domain/definition.js';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { SyncError } from '../../src/domain/errors.js';
import type { SealRecord } from '../../src/engine/ports.js';
import {
  answered,
  createDevice,
  everybody,
  heldTransport,
  lost,
  outcomeOf,
  refused,
  todos,
  type DeviceOptions,
} from './testClient.js';
import { lineOf, logged, settlingsOf } from './wireLog.js';

const milk = { id: 'a', title: 'milk' };
const tea = { id: 'b', title: 'tea' };
/** It says nothing of merging: it goes by itself (CO4). */
const retitle = defineMutation({
  name: 'retitle',
  optimistic: (tx, title: string) => tx.update(todos, 'a', { title }),
});

/** A client that has the rows of the server, and does not send before `client.resume()`. */
async function start(options: DeviceOptions = {}) {
  const device = createDevice(options);
  device.server.put('todos', 'a', milk);
  device.server.put('todos', 'b', tea);
  const line = logged(device.server);
  const client = device.open({ transport: line, mutations: [retitle] });
  await device.settle();
  client.pause();
  return { ...device, client, requests: line.requests, settlings: settlingsOf(client) };
}

/** A client that has the rows of the server, whose pushes are held by the test. */
async function startHeld(options: DeviceOptions = {}) {
  const device = createDevice(options);
  device.server.put('todos', 'a', milk);
  device.server.put('todos', 'b', tea);
  const hold = () => ({
    ...heldTransport(device.server, device.clock),
    pull: device.server.pull.bind(device.server),
  });
  const line = hold();
  const client = device.open({ transport: line, timeoutMs: 1e9 });
  await device.settle();
  return { ...device, client, line, hold, settlings: settlingsOf(client) };
}

describe('CO1 what several mutations of a row come to', () => {
  test('insert, update, update: one insert', async () => {
    const { client, requests, settle, settlings } = await start();
    client.insert(todos, { id: 'c', title: 'rye' });
    client.update(todos, 'c', { title: 'oat' });
    client.update(todos, 'c', { done: true });
    client.resume();
    await settle();
    expect(requests).toEqual([['t4.0 insert c {"id":"c","title":"oat","done":true}']]);
    expect(settlings).toEqual(['confirmed t1', 'confirmed t2', 'confirmed t3']);
  });

  test('update, delete: one delete; delete, insert: one replace', async () => {
    const { client, requests, settle, server } = await start();
    client.update(todos, 'a', { title: 'oat' });
    client.delete(todos, 'a');
    client.delete(todos, 'b');
    client.insert(todos, { id: 'b', title: 'chai', n: 1 });
    client.resume();
    await settle();
    expect(requests).toEqual([['t5.0 delete a', 't6.0 delete b + insert b {"id":"b","title":"chai","n":1}']]);
    expect([...server.rows('todos').values()]).toEqual([{ id: 'b', title: 'chai', n: 1 }]);
  });

  test('insert, delete: nothing is sent, both promises resolve, and nothing is left on the disk', async () => {
    const { client, requests, settle, settlings, open } = await start();
    const handles = [client.insert(todos, { id: 'c', title: 'rye' }), client.delete(todos, 'c')];
    const outcomes = handles.flatMap((h) => [h.acknowledged, h.confirmed]).map(outcomeOf);
    client.resume();
    await settle();
    expect([requests, outcomes.map(({ now }) => now)]).toEqual([
      [],
      ['resolved', 'resolved', 'resolved', 'resolved'],
    ]);
    expect([settlings, client.status.get().phase]).toEqual([['annulled t1', 'annulled t2'], 'synced']);
    await client.dispose();
    const next = open();
    await settle();
    expect([next.pending(), next.deadLetters(), next.get(todos, 'c')]).toEqual([[], [], undefined]);
  });

  test('back to the base value: nothing is sent, and the drain says what it annulled', async () => {
    const { client, requests, settlings } = await start();
    client.update(todos, 'a', { title: 'oat', done: true });
    client.update(todos, 'a', { title: 'milk', done: undefined } as never);
    client.resume();
    const { summary } = await client.sync({ direction: 'push' });
    expect([requests, settlings]).toEqual([[], ['annulled t1', 'annulled t2']]);
    expect(summary).toMatchObject({ annulled: 2, attempted: 0, requests: 0 });
    expect(client.get(todos, 'a')).toEqual(milk);
  });

  test('back to what the base was, but is no longer: sent', async () => {
    const { client, line, server, settle, clock } = await startHeld();
    client.update(todos, 'b', { done: true }); // keeps the line busy
    await settle();
    server.put('todos', 'a', { ...milk, title: 'rye' });
    await clock.advance(1_000);
    client.update(todos, 'a', { title: 'oat' });
    client.update(todos, 'a', { title: 'milk' });
    await client.sync({ direction: 'pull' });
    await line.pushes[0]?.pass();
    await line.pushes[1]?.pass(); // refused: it was made on another version
    await line.pushes[2]?.pass();
    expect([server.get('todos', 'a'), client.get(todos, 'a')]).toEqual([milk, milk]);
    expect(server.journal.map(({ key }) => key)).toEqual(['t1.0', 't5.0']);
  });

  test('behind another of the same batch it is not back at the base, whatever that says', async () => {
    const { client, requests, server, settle } = await start();
    client.mutate(retitle, 'oat');
    client.update(todos, 'a', { title: 'rye' });
    client.update(todos, 'a', { title: 'milk' });
    client.resume();
    await settle();
    expect(requests).toEqual([['t1.0 update a {"title":"oat"}', 't4.0 update a {"title":"milk"}']]);
    expect([server.get('todos', 'a'), client.get(todos, 'a')]).toEqual([milk, milk]);
  });
});

describe('CO2 the log keeps every mutation; a merge has a key of its own', () => {
  test('all tokens of an accepted merge settle together, each once, with its result', async () => {
    const { client, line, clock, settle, settlings } = await startHeld();
    client.pause();
    const handles = ['oat', 'rye', 'soy'].map((title) => client.update(todos, 'a', { title }));
    await settle();
    expect(client.pending().map(({ token, state }) => `${token} ${state}`)).toEqual([
      't1 queued',
      't2 queued',
      't3 queued',
    ]);
    const outcomes = handles.flatMap((h) => [h.acknowledged, h.confirmed]).map(outcomeOf);
    client.resume();
    await settle();
    expect(line.pushes[0]?.keys).toEqual(['t4.0']);
    expect(client.pending().map(({ token, state }) => `${token} ${state}`)).toEqual([
      't1 sending',
      't2 sending',
      't3 sending',
    ]);
    const left: number[] = [];
    client.watchMutations(() => left.push(client.pending().length));
    await line.pushes[0]?.answer(answered(200, { result: { at: 7 } }));
    expect(new Set(left)).toEqual(new Set([0]));
    await line.pushes[0]?.answer(refused);
    await clock.advance(60_000);
    expect(outcomes.map(({ now }) => now)).toEqual(Array(6).fill('resolved {"at":7}'));
    expect(settlings).toEqual(['confirmed t1', 'confirmed t2', 'confirmed t3']);
    expect([line.pushes.length, client.get(todos, 'a')?.title]).toEqual([1, 'soy']);
  });

  test('one that was taken back before the merge was sent is not in it', async () => {
    const { client, requests, settle, settlings } = await start();
    client.update(todos, 'a', { title: 'oat' });
    const { token } = client.update(todos, 'a', { done: true });
    client.update(todos, 'a', { n: 3 });
    expect(await client.rollback(token)).toBe('cancelled');
    client.resume();
    await settle();
    expect(requests).toEqual([['t4.0 update a {"title":"oat","n":3}']]);
    expect(settlings).toEqual(['cancelled t2', 'confirmed t1', 'confirmed t3']);
  });

  test('a merge that no request could carry goes in pieces', async () => {
    const { client, server, settle, settlings, open } = await start();
    await client.dispose();
    const sent: string[] = [];
    const small = open({
      transport: logged({
        ...server,
        encode(op) {
          const body = server.encode(op);
          if (body.length > 240) throw new SyncError('TOO_LARGE', 'More than 240 bytes.');
          sent.push(lineOf(body).split(' ')[0] ?? '');
          return body;
        },
      }),
    });
    await settle();
    small.pause();
    small.update(todos, 'a', { title: 'x'.repeat(90) });
    small.update(todos, 'a', { note: 'x'.repeat(90) } as never);
    small.resume();
    await settle();
    expect([sent, settlings, small.pending(), small.deadLetters()]).toEqual([['t1.0', 't2.0'], [], [], []]);
    expect(server.get('todos', 'a')).toEqual(small.get(todos, 'a'));
  });

  test('a merge that may have been sent cannot lose a member', async () => {
    const { client, line, settle } = await startHeld();
    client.pause();
    client.update(todos, 'a', { title: 'oat' });
    const { token } = client.update(todos, 'a', { done: true });
    client.resume();
    await settle();
    await expect(client.rollback(token)).rejects.toMatchObject({ code: 'ALREADY_SENT' });
    await line.pushes[0]?.pass();
    expect(client.get(todos, 'a')).toEqual({ ...milk, title: 'oat', done: true });
  });

  test.each(['never arrived', 'had arrived'])(
    'OB5 after a reload a sealed merge that %s goes again with its key and bytes, and all its members settle',
    async (before) => {
      const { client, line, hold, server, settle, open } = await startHeld();
      client.pause();
      client.update(todos, 'a', { title: 'oat' });
      client.update(todos, 'a', { done: true });
      client.resume();
      await settle();
      if (before === 'had arrived') await client.dispose();
      if (before === 'had arrived') await line.pushes[0]?.pass();
      else await client.dispose();
      const again = hold();
      const next = open({
        transport: { ...again, pull: () => new Promise(() => undefined) },
        timeoutMs: 1e9,
      });
      const settlings = settlingsOf(next);
      await next.ready;
      expect(next.get(todos, 'a')).toEqual({ ...milk, title: 'oat', done: true });
      await settle();
      expect([again.pushes[0]?.keys, again.pushes[0]?.bodies]).toEqual([
        line.pushes[0]?.keys,
        line.pushes[0]?.bodies,
      ]);
      await again.pushes[0]?.pass();
      expect(settlings).toEqual(['confirmed t1', 'confirmed t2']);
      expect([server.journal.length, again.pushes.length, next.pending()]).toEqual([1, 1, []]);
    },
  );

  test('RD4 the echo of a merge settles all its members, whose answer never comes', async () => {
    const { client, server, settle, open } = await startHeld();
    await client.dispose();
    const silent = open({
      transport: {
        ...server,
        push: (ops, context) => server.push(ops, context).then(() => new Promise(() => undefined)),
      },
    });
    await settle();
    silent.pause();
    const settlings = settlingsOf(silent);
    silent.update(todos, 'a', { title: 'oat' });
    silent.update(todos, 'a', { done: true });
    silent.resume();
    await settle();
    await silent.sync({ direction: 'pull' });
    expect([settlings, silent.pending()]).toEqual([['confirmed t1', 'confirmed t2'], []]);
  });

  test('TB3 two leaders send one merge, under one key', async () => {
    const { client, line, hold, server, settle, settlings, open } = await startHeld({ lease: everybody });
    const line2 = hold();
    const other = open({ transport: line2, timeoutMs: 1e9 });
    await settle();
    const handles = ['oat', 'rye', 'soy'].map((title) => client.update(todos, 'a', { title }));
    const outcomes = handles.map(({ confirmed }) => outcomeOf(confirmed));
    await settle();
    const sent = [...line.pushes, ...line2.pushes];
    expect(new Set(sent.flatMap(({ keys }) => keys)).size).toBe(1);
    expect(new Set(sent.flatMap(({ bodies }) => bodies)).size).toBe(1);
    for (const push of sent) await push.pass();
    await settle();
    expect(outcomes.map(({ now }) => now)).toEqual(['resolved', 'resolved', 'resolved']);
    expect(settlings).toEqual(['confirmed t1', 'confirmed t2', 'confirmed t3']);
    expect([server.journal.length, client.pending(), other.pending()]).toEqual([1, [], []]);
  });

  test('TB3 OB5 what another tab has merged anew goes under that key, not under the one that this tab remembers', async () => {
    const { client, line, disk, settle, clock } = await startHeld();
    for (const title of ['oat', 'rye']) client.update(todos, 'a', { title });
    await settle();
    // Another tab could not read the seal, and has merged them by itself.
    const theirs = memoryStorage({ disk });
    await theirs.open('app');
    const { revision, seals } = await theirs.load();
    const [{ id, sealed }] = seals as [SealRecord];
    const anew = sealed.map((one) => ({ ...one, token: 'x', body: one.body?.replace('t3', 'x') }));
    const put = { seals: [{ id: 'x.0', sealed: anew as SealRecord['sealed'] }] };
    await theirs.write({ ifRevision: revision, put, remove: { seals: [id] } });
    client.update(todos, 'b', { title: 'chai' }); // with that write it learns of theirs
    await settle();
    await line.pushes[0]?.answer(lost);
    await clock.advance(60_000);
    expect(line.pushes.slice(0, 2).map(({ keys }) => keys)).toEqual([['t3.0'], ['x.0', 't4.0']]);
  });
});

describe('SC2 a merge stands where its first member stood, with the priority of its most urgent one', () => {
  test('position', async () => {
    const { client, requests, settle } = await start({ limits: { maxBatch: 1 } });
    client.update(todos, 'a', { title: 'oat' });
    client.update(todos, 'b', { title: 'chai' });
    client.update(todos, 'a', { done: true });
    client.resume();
    await settle();
    expect(requests).toEqual([
      ['t4.0 update a {"title":"oat","done":true}'],
      ['t2.0 update b {"title":"chai"}'],
    ]);
  });

  test('priority', async () => {
    const { client, requests, settle } = await start({ limits: { maxBatch: 1 } });
    client.update(todos, 'b', { title: 'chai' });
    client.mutate(update(todos), { id: 'a', patch: { title: 'oat' } }, { priority: 'background' });
    client.mutate(update(todos), { id: 'a', patch: { done: true } }, { priority: 'high' });
    client.resume();
    await settle();
    expect(requests).toEqual([
      ['t4.0 update a {"title":"oat","done":true}'],
      ['t1.0 update b {"title":"chai"}'],
    ]);
  });
});
