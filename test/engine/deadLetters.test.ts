import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { defineMutation } from '../../src/domain/definition.js';
import type { SyncClient } from '../../src/engine/client.js';
import type { SyncClientOptions } from '../../src/engine/options.js';
import type { WireOp } from '../../src/testing/scriptedServer.js';
import { createDevice, outcomeOf, startClient, thrownBy, todos, watchedStorage } from './testClient.js';
import { logged, settlingsOf } from './wireLog.js';

const todo = (id: string) => ({ id, title: id });
interface Rename {
  readonly id: string;
  readonly title: string;
}
const rename = defineMutation({
  name: 'rename',
  optimistic: (tx, { id, title }: Rename) => tx.update(todos, id, { title }),
});

/** A client whose server refuses whatever says "bad". */
async function start(own: Partial<SyncClientOptions> = {}) {
  const device = createDevice();
  for (const id of ['a', 'b']) device.server.put('todos', id, todo(id));
  device.server.refuse(
    (op: WireOp) => JSON.stringify(op).includes('bad') && { status: 422, title: 'Too bad' },
  );
  const line = logged(device.server);
  const options = { transport: line, mutations: [rename], ...own };
  const client = device.open(options);
  await device.settle();
  const reload = async (): Promise<SyncClient> => {
    await client.dispose();
    const next = device.open(options);
    await device.settle();
    return next;
  };
  return { ...device, client, reload, options, requests: line.requests, settlings: settlingsOf(client) };
}

const lettersOf = (client: SyncClient): string[] =>
  client.deadLetters().map(({ token, error, history }) => `${token} ${error.code} ${history.length}`);

describe('RT7 what is listed', () => {
  test('a letter is the same object until it changes, whatever else does; an id that was replaced finds it', async () => {
    const { client, settle, server } = await startClient();
    server.refuse((op) => op.kind === 'insert' && op.id === 'bad' && 422);
    client.insert(todos, { id: 'bad', title: 'x' });
    await settle();
    const [letter] = client.deadLetters();
    client.insert(todos, { id: 'good', title: 'y' });
    await client.sync();
    expect(client.deadLetters()[0]).toBe(letter);
    expect(client.deadLetters({ collection: 'todos', id: 'bad' })[0]).toBe(letter);
    expect(client.deadLetters({ id: 'good' })).toEqual([]);
  });
});

describe('RT7 retry', () => {
  test('as it is: the same token, another key, shown once it is durable; a promise of its own', async () => {
    const { client, server, requests, settle, settlings } = await start();
    const first = outcomeOf(client.insert(todos, todo('bad')).confirmed);
    await settle();
    server.refuse(() => false);
    expect(first.now).toBe('rejected REFUSED');
    const { token, enqueued, confirmed } = client.retry('t1');
    const second = outcomeOf(confirmed);
    expect([client.get(todos, 'bad'), lettersOf(client)]).toEqual([undefined, ['t1 REFUSED 0']]);
    await enqueued;
    expect([token, client.get(todos, 'bad'), client.deadLetters()]).toEqual(['t1', todo('bad'), []]);
    expect(client.status.get()).toMatchObject({ pending: 1 });
    await settle();
    expect(requests.flat().map((op) => op.split(' ')[0])).toEqual(['t1.0', 't1.1']);
    expect([first.now, second.now]).toEqual(['rejected REFUSED', 'rejected REFUSED']);
    expect([settlings, client.get(todos, 'bad')]).toEqual([
      ['rejected t1 REFUSED', 'rejected t1 REFUSED'],
      undefined,
    ]);
  });

  test.each<[string, (client: SyncClient) => void, unknown, string]>([
    [
      'a named mutation: its variables',
      (client) => client.mutate(rename, { id: 'a', title: 'bad' }),
      { id: 'a', title: 'good' },
      't1.1 update a {"title":"good"}',
    ],
    [
      '@insert: its row, under another id, too',
      (client) => client.insert(todos, { id: 'c', title: 'bad' }),
      { id: 'd', title: 'good' },
      't1.1 insert d {"id":"d","title":"good"}',
    ],
    [
      '@update: its patch; undefined removes a field',
      (client) => client.update(todos, 'a', { title: 'bad', n: 1 }),
      { id: 'a', patch: { title: undefined, n: 2 } },
      't1.1 update a {"n":2} -title',
    ],
  ])('with edited variables of %s', async (_name, call, edited, line) => {
    const { client, requests, settle, settlings, server } = await start();
    call(client);
    await settle();
    client.retry('t1', edited);
    await settle();
    expect([requests.at(-1), settlings]).toEqual([[line], ['rejected t1 REFUSED', 'confirmed t1']]);
    expect([client.deadLetters(), client.query(todos)]).toEqual([[], [...server.rows('todos').values()]]);
  });

  test.each<[string, unknown, string]>([
    ['its own error', { id: 'gone', title: 'x' }, 'ENTITY_NOT_FOUND'],
    ['what cannot be stored', { id: 'a', title: () => 'x' }, 'NOT_SERIALIZABLE'],
  ])('one that throws %s leaves it as it was', async (_name, edited, code) => {
    const { client, settle, reload } = await start();
    client.mutate(rename, { id: 'a', title: 'bad' });
    await settle();
    expect(thrownBy(() => client.retry('t1', edited))).toContain(`${code}: `);
    expect([lettersOf(client), client.pending(), client.get(todos, 'a')]).toEqual([
      ['t1 REFUSED 0'],
      [],
      todo('a'),
    ]);
    expect(lettersOf(await reload())).toEqual(['t1 REFUSED 0']);
  });

  test('of what is none, or is one no more: UNKNOWN_TOKEN', async () => {
    const { client, settle } = await start();
    client.insert(todos, todo('bad'));
    await settle();
    const [first, second] = [client.retry('t1', todo('good')), client.retry('t1', todo('better'))];
    const outcomes = [outcomeOf(first.confirmed), outcomeOf(second.confirmed)];
    await settle();
    expect(outcomes.map(({ now }) => now)).toEqual(['resolved', 'rejected UNKNOWN_TOKEN']);
    expect([client.get(todos, 'good'), client.get(todos, 'better')]).toEqual([todo('good'), undefined]);
    for (const token of ['t1', 'never heard of'])
      expect(thrownBy(() => client.retry(token))).toBe(
        `UNKNOWN_TOKEN: the string "${token}" is not the token of a dead letter.`,
      );
  });

  test('of what was to do nothing any more: it is done', async () => {
    const { client, server, settle, requests } = await start();
    const { token } = client.update(todos, 'a', { title: 'bad' });
    await settle();
    server.put('todos', 'a', { id: 'a', title: 'bad' });
    await client.sync({ direction: 'pull' });
    const outcome = outcomeOf(client.retry(token).confirmed);
    await settle();
    expect([outcome.now, client.deadLetters(), requests.length]).toEqual(['resolved', [], 1]);
  });

  test('brings back what was refused only because of it, in order, and leaves the rest', async () => {
    const { client, settle, settlings, requests } = await start();
    client.pause();
    const { token } = client.insert(todos, { id: 'c', title: 'bad' });
    client.insert(todos, { id: 'd', title: 'd' }, { dependsOn: [token] });
    client.mutate(rename, { id: 'c', title: 'c' }, { sendAfter: 1 });
    client.insert(todos, { id: 'e', title: 'bad' });
    client.resume();
    await settle();
    expect(lettersOf(client)).toEqual(['t1 REFUSED 0', 't4 REFUSED 0', 't2 DEPENDENCY 0', 't3 DEPENDENCY 0']);
    await client.retry(token, { id: 'c', title: 'good' }).enqueued;
    expect([client.get(todos, 'c')?.title, client.get(todos, 'd')?.title]).toEqual(['c', 'd']);
    await settle();
    expect(settlings.slice(4)).toEqual(['confirmed t1', 'confirmed t2', 'confirmed t3']);
    expect([lettersOf(client), requests.at(-1)?.map((op) => op.split(' ')[0])]).toEqual([
      ['t4 REFUSED 0'],
      ['t1.1', 't2.1', 't3.1'],
    ]);
  });

  test('its history grows with each refusal, and survives a reload', async () => {
    const { client, settle, clock, reload } = await start();
    client.insert(todos, todo('bad'));
    await settle();
    for (const title of ['bad 2', 'bad 3']) {
      await clock.advance(1_000);
      client.retry('t1', { id: 'x', title });
      await settle();
    }
    const [letter] = (await reload()).deadLetters();
    expect(letter).toMatchObject({
      variables: { id: 'x', title: 'bad 3' },
      refusedAt: clock.now(),
      history: [
        { error: { code: 'REFUSED', status: 422 }, refusedAt: clock.now() - 2_000 },
        { error: { code: 'REFUSED', status: 422 }, refusedAt: clock.now() - 1_000 },
      ],
    });
  });

  test('one that is tried again survives a reload, as pending', async () => {
    const { client, settle, open, options } = await start();
    client.insert(todos, todo('bad'));
    await settle();
    client.pause();
    client.retry('t1', todo('good'));
    await settle();
    await client.dispose();
    const next = open({ ...options, mutations: [] });
    next.pause();
    await next.ready;
    expect([next.pending().map(({ token }) => token), next.deadLetters(), next.get(todos, 'good')]).toEqual([
      ['t1'],
      [],
      todo('good'),
    ]);
  });
});

describe('RT7 in another tab', () => {
  async function tabs() {
    const started = await start();
    const other = started.open(started.options);
    await started.settle();
    return { ...started, other };
  }

  test('it is listed, with its reasons; discarded there, it is gone here', async () => {
    const { client, other, settle } = await tabs();
    client.insert(todos, todo('bad'));
    await settle();
    expect(other.deadLetters()).toEqual(client.deadLetters());
    expect([other.status.get().failed, other.entityStatus(todos, 'bad')]).toEqual([1, 'failed']);
    await other.discard('t1');
    await settle();
    expect([client.deadLetters(), client.status.get().failed, client.entityStatus(todos, 'bad')]).toEqual([
      [],
      0,
      'synced',
    ]);
  });

  test('retried there, it is pending and seen here, sent by whoever drains, and decided in both', async () => {
    const { client, other, settle, clock, requests, settlings } = await tabs();
    client.insert(todos, todo('bad'));
    await settle();
    const { enqueued, confirmed } = other.retry('t1', todo('good'));
    const outcome = outcomeOf(confirmed);
    await enqueued;
    expect(other.get(todos, 'good')).toEqual(todo('good'));
    await clock.advance(100);
    expect([outcome.now, client.deadLetters(), client.get(todos, 'good')]).toEqual([
      'resolved',
      [],
      todo('good'),
    ]);
    expect([requests.length, settlings]).toEqual([2, ['rejected t1 REFUSED', 'confirmed t1']]);
  });

  test('retried in both at once: once; the other hears that it was taken', async () => {
    const { client, other, settle, server, clock } = await tabs();
    client.insert(todos, todo('bad'));
    await settle();
    const outcomes = [client, other].map((tab, i) => outcomeOf(tab.retry('t1', todo(`good${i}`)).confirmed));
    await clock.advance(1_000);
    expect(outcomes.map(({ now }) => now).sort()).toEqual(['rejected UNKNOWN_TOKEN', 'resolved']);
    expect(server.timesApplied('t1')).toBe(1);
    for (const tab of [client, other])
      expect([tab.query(todos), tab.pending(), tab.deadLetters()]).toEqual([
        [...server.rows('todos').values()],
        [],
        [],
      ]);
  });

  test('discarded here while it is retried there: one of both, and never lost without a word', async () => {
    const { client, other, settle, clock } = await tabs();
    client.insert(todos, todo('bad'));
    await settle();
    const discarded = client.discard('t1');
    const outcome = outcomeOf(other.retry('t1', todo('good')).confirmed);
    await discarded;
    await clock.advance(1_000);
    expect([outcome.now, other.get(todos, 'good'), client.get(todos, 'good')]).toEqual([
      'rejected UNKNOWN_TOKEN',
      undefined,
      undefined,
    ]);
  });
});

test('RT7 a retry or a discard that cannot be stored leaves it a dead letter, and says so', async () => {
  const storage = watchedStorage(memoryStorage());
  const { client, settle } = await start({ storage });
  client.insert(todos, todo('bad'));
  await settle();
  storage.fail = () => true;
  const retried = outcomeOf(client.retry('t1', todo('good')).confirmed);
  const discarded = outcomeOf(client.discard('t1'));
  await settle();
  expect([retried.now, discarded.now]).toEqual(['rejected STORAGE', 'rejected STORAGE']);
  expect([lettersOf(client), client.pending(), client.get(todos, 'good')]).toEqual([
    ['t1 REFUSED 0'],
    [],
    undefined,
  ]);
});
