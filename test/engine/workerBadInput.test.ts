import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { defineMutation, type AnyDefinition } from '../../src/domain/definition.js';
import type { Reply } from '../../src/engine/ports.js';
import { answered, createDevice, outcomeOf, thrownBy, todos } from './testClient.js';
import { lineOf, logged, settlingsOf } from './wireLog.js';

const todo = (id: string) => ({ id, title: id });
const bump = defineMutation({
  name: 'bump',
  optimistic: (tx, id: string) => tx.update(todos, id, (draft) => void (draft.n = (draft.n ?? 0) + 1)),
});

async function start(mutations: readonly AnyDefinition[] = []) {
  const device = createDevice();
  const line = logged(device.server);
  const client = device.open({ transport: line, mutations });
  await device.settle();
  const keys = () => line.requests.flat().map((op) => op.split(' ')[0]);
  return { ...device, client, keys, line, settlings: settlingsOf(client) };
}

describe('SC4 dependsOn that goes round in a circle', () => {
  test('is refused at the call that closes it, which queues nothing; the others go on', async () => {
    const { client, settle, settlings } = await start();
    client.pause();
    client.insert(todos, todo('a'), { idempotencyKey: 'one', dependsOn: ['three'] });
    client.insert(todos, todo('b'), { idempotencyKey: 'two', dependsOn: ['one'] });
    expect(
      thrownBy(() => client.insert(todos, todo('c'), { idempotencyKey: 'three', dependsOn: ['two'] })),
    ).toBe('INVALID_OPTIONS: dependsOn goes round in a circle: three → two → one → three.');
    expect(
      thrownBy(() => client.insert(todos, todo('d'), { idempotencyKey: 'four', dependsOn: ['four'] })),
    ).toBe('INVALID_OPTIONS: dependsOn goes round in a circle: four → four.');
    expect([client.query(todos), client.pending().length]).toEqual([[todo('a'), todo('b')], 2]);
    client.resume();
    await settle();
    expect(settlings).toEqual(['confirmed one', 'confirmed two']);
  });

  test('closed by two tabs that have not heard of each other: both are sent, in the order of the storage', async () => {
    const { client, open, line, settle, keys } = await start();
    const other = open({ transport: line });
    await settle();
    client.insert(todos, todo('a'), { idempotencyKey: 'one', dependsOn: ['two'] });
    other.insert(todos, todo('b'), { idempotencyKey: 'two', dependsOn: ['one'] });
    await settle();
    expect([keys(), client.pending(), other.pending()]).toEqual([['one.0', 'two.0'], [], []]);
  });
});

describe('MU2 an idempotencyKey that is given twice', () => {
  test('is one mutation: one change, one handle, one request', async () => {
    const { client, settle, keys, settlings } = await start();
    const first = client.insert(todos, todo('a'), { idempotencyKey: 'mine' });
    const second = client.insert(todos, todo('a'), { idempotencyKey: 'mine' });
    expect([second, client.pending().length]).toEqual([first, 1]);
    expect(second).toBe(first);
    await settle();
    expect([keys(), settlings]).toEqual([['mine.0'], ['confirmed mine']]);
  });

  test('after a reload, too: the promises of the second call tell of the first', async () => {
    const { client, settle, open, line, keys } = await start();
    client.pause();
    client.insert(todos, todo('a'), { idempotencyKey: 'mine' });
    await settle();
    await client.dispose();
    const next = open({ transport: line });
    await next.ready;
    const outcome = outcomeOf(next.insert(todos, todo('a'), { idempotencyKey: 'mine' }).confirmed);
    await settle();
    expect([outcome.now, keys()]).toEqual(['resolved', ['mine.0']]);
  });

  test('in two tabs at once: one effect, and both promises are settled', async () => {
    const { client, settle, open, line, server, clock } = await start();
    const other = open({ transport: line });
    await settle();
    const outcomes = [client, other].map((tab) =>
      outcomeOf(tab.insert(todos, todo('a'), { idempotencyKey: 'mine' }).confirmed),
    );
    await clock.advance(60_000);
    expect([outcomes.map(({ now }) => now), server.timesApplied('mine')]).toEqual([
      ['resolved', 'resolved'],
      1,
    ]);
    for (const tab of [client, other]) expect([tab.pending(), tab.deadLetters()]).toEqual([[], []]);
    await client.dispose();
    await other.dispose();
    const next = open({ transport: line });
    await settle();
    expect([next.pending(), next.query(todos)]).toEqual([[], [todo('a')]]);
  });

  test('in two tabs, and then a reload: what is stored twice is shown and sent once', async () => {
    const { client, settle, open, line, server } = await start([bump]);
    server.put('todos', 'a', todo('a'));
    await client.sync();
    const other = open({ transport: line, mutations: [bump] });
    await settle();
    client.pause();
    for (const tab of [client, other]) tab.mutate(bump, 'a', { idempotencyKey: 'mine' });
    await settle();
    await client.dispose();
    await other.dispose();
    const next = open({ transport: line, mutations: [bump] });
    next.pause();
    await settle();
    expect([next.get(todos, 'a'), next.pending().length]).toEqual([{ ...todo('a'), n: 1 }, 1]);
    next.resume();
    await settle();
    expect([next.pending(), server.get('todos', 'a')]).toEqual([[], { ...todo('a'), n: 1 }]);
    await next.dispose();
    const last = open({ transport: line, mutations: [bump] });
    await settle();
    expect([last.pending(), server.timesApplied('mine')]).toEqual([[], 1]);
  });

  test('OB1 in two tabs: it stays in every tab when the record with the second one is written anew', async () => {
    const { client, settle, open, line, disk } = await start([bump]);
    const other = open({ transport: line, mutations: [bump] });
    await settle();
    client.pause();
    for (const tab of [client, other]) tab.insert(todos, todo('a'), { idempotencyKey: 'mine' });
    await settle();
    const storage = memoryStorage({ disk });
    await storage.open('app');
    const { log, revision } = await storage.load();
    expect(log.map(({ mutations }) => mutations.map(({ token }) => token))).toEqual([['mine'], ['mine']]);
    await storage.write({ ifRevision: revision, put: { log: log.slice(1) } });
    other.insert(todos, todo('b'), { idempotencyKey: 'next' }); // so that both hear of it
    await settle();
    for (const tab of [client, other])
      expect(tab.pending().map(({ token }) => token)).toEqual(['mine', 'next']);
    expect(client.query(todos)).toEqual([todo('a'), todo('b')]);
  });

  test('of a dead letter it is refused, for it would send other content under an old key', async () => {
    const { client, settle, server } = await start();
    server.refuse(() => 422);
    client.insert(todos, todo('a'), { idempotencyKey: 'mine' });
    await settle();
    expect(thrownBy(() => client.insert(todos, todo('b'), { idempotencyKey: 'mine' }))).toMatch(
      /^INVALID_OPTIONS: "mine" was refused and is a dead letter; retry or discard it/,
    );
  });

  test.each([
    ['', 'the string ""'],
    ['x'.repeat(129), 'the string "x'],
    [7, '7'],
  ])('%s is refused at the call', async (idempotencyKey, received) => {
    const { client } = await start();
    const said = thrownBy(() =>
      client.insert(todos, todo('a'), { idempotencyKey: idempotencyKey as string }),
    );
    expect(said).toContain('INVALID_OPTIONS: idempotencyKey is a string of 1 to 128 characters, received ');
    expect([said.includes(received), client.pending()]).toEqual([true, []]);
  });
});

describe('SC3 what an app writes wrongly costs nobody else anything', () => {
  const broken = (option: 'scope' | 'dependsOn') =>
    defineMutation({
      name: 'broken',
      optimistic: (tx, id: string) => tx.insert(todos, todo(id)),
      [option]: () => {
        throw new RangeError('mine');
      },
    });

  test.each(['scope', 'dependsOn'] as const)(
    'a %s that throws: named, and nothing was queued',
    async (option) => {
      const definition = broken(option);
      const { client, settle, settlings } = await start([definition]);
      client.insert(todos, todo('before'));
      expect(thrownBy(() => client.mutate(definition, 'a'))).toBe(
        `INVALID_RECIPE: "broken": its ${option} threw RangeError: mine; nothing was queued.`,
      );
      client.insert(todos, todo('after'));
      await settle();
      expect([client.get(todos, 'a'), settlings.length]).toEqual([undefined, 2]);
    },
  );

  test('a scope that is no text: named, and nothing was queued', async () => {
    const definition = defineMutation({
      name: 'numbered',
      scope: (() => 7) as never,
      optimistic: (tx, id: string) => tx.insert(todos, todo(id)),
    });
    const { client } = await start([definition]);
    expect(thrownBy(() => client.mutate(definition, 'a'))).toBe(
      'INVALID_OPTIONS: "numbered": scope is a string, received 7.',
    );
    expect(client.pending()).toEqual([]);
  });

  test('a transport whose encode throws at one: that one is refused, the others go', async () => {
    const device = createDevice();
    const client = device.open({
      transport: {
        ...device.server,
        encode(op) {
          if (op.changes[0]?.id === 'bad') throw new TypeError('mine');
          return device.server.encode(op);
        },
      },
    });
    const settlings = settlingsOf(client);
    for (const id of ['a', 'bad', 'b']) client.insert(todos, todo(id));
    await device.clock.advance(60_000);
    expect(settlings.sort()).toEqual(['confirmed t1', 'confirmed t3', 'rejected t2 NOT_SERIALIZABLE']);
  });
});

describe('RT2 a Retry-After that is nonsense', () => {
  const says = (ms: number): Reply => answered(503, { retryAfterMs: ms });
  test.each([
    ['negative', says(-1e9), 500],
    ['no number', says(NaN), 500],
    ['for ever', says(Infinity), 3_600_500],
    ['in a year', says(31_536_000_000), 3_600_500],
    ['a rate limit for ever', answered(429, { restMs: Infinity }), 3_600_000],
    ['a rate limit that is no number', answered(429, { restMs: NaN }), 500],
  ])('%s: never sooner than the backoff, never later than an hour after', async (_name, reply, expected) => {
    const device = createDevice();
    const times: number[] = [];
    const client = device.open({
      transport: {
        ...device.server,
        push: (ops) => {
          times.push(device.clock.monotonic());
          return Promise.resolve(ops.map(() => reply));
        },
      },
    });
    client.insert(todos, todo('a'));
    await device.clock.advance(expected - 1);
    expect(times).toEqual([0]);
    await device.clock.advance(1);
    expect(times).toEqual([0, expected]);
    expect(client.pending()[0]?.nextAttemptAt).toBeLessThanOrEqual(device.clock.now() + 3_601_000);
  });
});

test('SC3 a push that resolves to nonsense is told, retried, and loses nothing', async () => {
  const device = createDevice();
  const sent: string[] = [];
  const client = device.open({
    transport: {
      ...device.server,
      push: async (ops, context) => {
        for (const { body } of ops) sent.push(lineOf(body));
        if (sent.length < 4) return [undefined, null, 'yes'][sent.length - 1] as never;
        return device.server.push(ops, context);
      },
    },
  });
  const settlings = settlingsOf(client);
  client.insert(todos, todo('a'));
  await device.clock.advance(60_000);
  expect([new Set(sent).size, settlings]).toEqual([1, ['confirmed t1']]);
});
