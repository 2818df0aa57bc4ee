import { describe, expect, test } from 'vitest';
import { defineMutation } from '../../src/domain/definition.js';
import type { SyncClient } from '../../src/engine/client.js';
import type { WireOp } from '../../src/testing/scriptedServer.js';
import { createDevice, outcomeOf, thrownBy, todos } from './testClient.js';
import { logged, settlingsOf } from './wireLog.js';

const milk = { id: 'a', title: 'milk' };
interface Rename {
  readonly id: string;
  readonly title: string;
}
const rename = defineMutation({
  name: 'rename',
  onRejected: 'hold',
  optimistic: (tx, { id, title }: Rename) => tx.update(todos, id, { title }),
});

/** A client with a rename that was refused and is held, and an update of the same row behind it. */
async function start() {
  const device = createDevice();
  device.server.put('todos', 'a', milk);
  device.server.refuse(
    (op: WireOp) => op.kind === 'update' && String(op.patch['title']).startsWith('bad') && 422,
  );
  const line = logged(device.server);
  const options = { transport: line, mutations: [rename] };
  const client = device.open(options);
  await device.settle();
  const settlings = settlingsOf(client);
  const handle = client.mutate(rename, { id: 'a', title: 'bad' });
  const first = outcomeOf(handle.confirmed);
  await device.settle();
  client.update(todos, 'a', { done: true });
  client.insert(todos, { id: 'b', title: 'b' });
  await device.settle();
  return { ...device, client, options, first, settlings, requests: line.requests };
}

const statesOf = (client: SyncClient): string[] =>
  client.pending().map(({ token, state }) => `${token} ${state}`);

describe("RT7 onRejected: 'hold'", () => {
  test('the value stays, its lane waits, others go on; the promise is rejected once', async () => {
    const { client, clock, first, settlings, server, requests } = await start();
    expect([client.get(todos, 'a'), client.get(todos, 'b')]).toEqual([
      { ...milk, title: 'bad', done: true },
      { id: 'b', title: 'b' },
    ]);
    expect([statesOf(client), first.now]).toEqual([['t1 needsAttention', 't2 queued'], 'rejected REFUSED']);
    expect(client.deadLetters()).toMatchObject([
      { token: 't1', needsAttention: true, error: { code: 'REFUSED' }, variables: { id: 'a', title: 'bad' } },
    ]);
    await clock.advance(600_000);
    expect(settlings).toEqual(['needsAttention t1 REFUSED', 'confirmed t3']);
    expect([requests.length, server.get('todos', 'a')]).toEqual([2, milk]);
    expect(client.status.get()).toMatchObject({ pending: 1, failed: 1 });
  });

  test('retry repairs it in place: before what waits for it', async () => {
    const { client, settle, server, requests, settlings } = await start();
    const outcome = outcomeOf(client.retry('t1', { id: 'a', title: 'good' }).confirmed);
    await settle();
    // Refused again it would be held again: what follows it does not travel with it.
    expect(requests.slice(2)).toEqual([['t1.1 update a {"title":"good"}'], ['t2.0 update a {"done":true}']]);
    expect([outcome.now, server.get('todos', 'a')]).toEqual([
      'resolved',
      { ...milk, title: 'good', done: true },
    ]);
    expect([client.get(todos, 'a'), client.deadLetters(), settlings.slice(2)]).toEqual([
      server.get('todos', 'a'),
      [],
      ['confirmed t1', 'confirmed t2'],
    ]);
  });

  test('retry that is refused again holds it again, with a history', async () => {
    const { client, settle, settlings } = await start();
    const outcome = outcomeOf(client.retry('t1', { id: 'a', title: 'bad again' }).confirmed);
    await settle();
    expect([outcome.now, client.get(todos, 'a')?.title, settlings.at(2)]).toEqual([
      'rejected REFUSED',
      'bad again',
      'needsAttention t1 REFUSED',
    ]);
    expect(client.deadLetters()).toMatchObject([{ history: [{ error: { code: 'REFUSED' } }] }]);
  });

  test('retry that throws leaves it held', async () => {
    const { client, settle } = await start();
    expect(thrownBy(() => client.retry('t1', { id: 'gone', title: 'x' }))).toContain('ENTITY_NOT_FOUND: ');
    await settle();
    expect([statesOf(client), client.get(todos, 'a')?.title]).toEqual([
      ['t1 needsAttention', 't2 queued'],
      'bad',
    ]);
  });

  test('discard takes its value back, and what waited goes', async () => {
    const { client, settle, server, first, settlings } = await start();
    await client.discard('t1');
    expect(client.get(todos, 'a')).toEqual({ ...milk, done: true });
    await settle();
    expect(server.get('todos', 'a')).toEqual({ ...milk, done: true });
    expect([first.now, settlings.slice(2), client.deadLetters()]).toEqual([
      'rejected REFUSED',
      ['cancelled t1', 'confirmed t2'],
      [],
    ]);
  });

  test('a rollback of it is settled; undo takes its value back, as discard does', async () => {
    const { client, settle } = await start();
    expect(await client.rollback('t1')).toBe('settled');
    expect(statesOf(client)).toEqual(['t1 needsAttention', 't2 queued']);
    expect(await client.undo('t1')).toBe('cancelled');
    await settle();
    expect([client.get(todos, 'a'), client.deadLetters()]).toEqual([{ ...milk, done: true }, []]);
  });

  test('a repair shows once it is durable; a second one in the same tick is told so', async () => {
    const { client, settle } = await start();
    const { enqueued, confirmed } = client.retry('t1', { id: 'a', title: 'oat' });
    const second = outcomeOf(client.retry('t1', { id: 'a', title: 'soy' }).confirmed);
    expect(client.get(todos, 'a')?.title).toBe('bad');
    await enqueued;
    expect(client.get(todos, 'a')?.title).toBe('oat');
    await settle();
    await confirmed;
    expect(second.now).toBe('rejected UNKNOWN_TOKEN');
    expect([client.get(todos, 'a'), client.deadLetters()]).toEqual([
      { ...milk, title: 'oat', done: true },
      [],
    ]);
  });

  test('survives a reload: shown, listed, in its place; repaired then', async () => {
    const { client, settle, server, open, options, requests } = await start();
    await client.dispose();
    const next = open(options);
    await settle();
    expect([statesOf(next), next.get(todos, 'a')]).toEqual([
      ['t1 needsAttention', 't2 queued'],
      { ...milk, title: 'bad', done: true },
    ]);
    expect(next.deadLetters()).toMatchObject([{ token: 't1', needsAttention: true }]);
    expect(requests).toHaveLength(2);
    next.retry('t1', { id: 'a', title: 'good' });
    await settle();
    expect([server.get('todos', 'a'), next.pending()]).toEqual([{ ...milk, title: 'good', done: true }, []]);
  });

  test('newer rows of the server show below it', async () => {
    const { client, server } = await start();
    server.put('todos', 'a', { ...milk, n: 7 });
    await client.sync({ direction: 'pull' });
    expect(client.get(todos, 'a')).toEqual({ ...milk, n: 7, title: 'bad', done: true });
  });

  test('flush does not wait for what only the user can repair', async () => {
    const { client, settle } = await start();
    await client.rollback('t2');
    const flushed = outcomeOf(client.flush());
    await settle();
    expect([flushed.now, statesOf(client)]).toEqual(['resolved', ['t1 needsAttention']]);
  });
});

describe('RT7 a held mutation in another tab', () => {
  async function tabs() {
    const started = await start();
    const other = started.open(started.options);
    await started.settle();
    return { ...started, other };
  }

  test('is shown and listed there; repaired there, both go on', async () => {
    const { client, other, settle, clock, server } = await tabs();
    expect([statesOf(other), other.get(todos, 'a'), other.status.get().failed]).toEqual([
      statesOf(client),
      client.get(todos, 'a'),
      1,
    ]);
    const outcome = outcomeOf(other.retry('t1', { id: 'a', title: 'good' }).confirmed);
    await clock.advance(100);
    await settle();
    expect(outcome.now).toBe('resolved');
    for (const tab of [client, other])
      expect([tab.get(todos, 'a'), tab.pending(), tab.deadLetters()]).toEqual([
        server.get('todos', 'a'),
        [],
        [],
      ]);
  });

  test('discarded there, it is taken back here, too', async () => {
    const { client, other, settle, server } = await tabs();
    await other.discard('t1');
    await settle();
    for (const tab of [client, other])
      expect([tab.get(todos, 'a'), tab.pending(), tab.deadLetters()]).toEqual([
        { ...milk, done: true },
        [],
        [],
      ]);
    expect(server.get('todos', 'a')).toEqual({ ...milk, done: true });
  });

  test('called there, its promise is rejected there, and its value stays in both', async () => {
    const { client, other, settle } = await tabs();
    await client.discard('t1');
    await settle();
    const outcome = outcomeOf(other.mutate(rename, { id: 'a', title: 'bad 2' }).confirmed);
    const settlings = settlingsOf(other);
    await settle();
    expect([outcome.now, settlings]).toEqual(['rejected REFUSED', ['needsAttention t4 REFUSED']]);
    for (const tab of [client, other]) expect(tab.get(todos, 'a')?.title).toBe('bad 2');
  });
});
