import { describe, expect, test } from 'vitest';
import type { PullPage, PullReply } from '../../src/engine/ports.js';
import {
  accepted,
  answered,
  createDevice,
  heldTransport,
  outcomeOf,
  refused,
  todos,
  type Todo,
} from './testClient.js';

/** Pushes and pulls both wait for the test; what the view showed is logged. */
async function start() {
  const device = createDevice();
  device.server.put('todos', 'a', { id: 'a', title: 'milk' });
  const line = heldTransport(device.server, device.clock);
  const pulls: {
    readonly cursor: string | undefined;
    answer(reply: PullReply): Promise<void>;
    pass(): Promise<void>;
  }[] = [];
  const pull = (request: {
    readonly cursor: string | undefined;
    readonly signal: AbortSignal;
  }): Promise<PullReply> =>
    new Promise((resolve) =>
      pulls.push({
        cursor: request.cursor,
        async answer(reply) {
          resolve(reply);
          await device.settle();
        },
        async pass() {
          resolve(await device.server.pull(request));
          await device.settle();
        },
      }),
    );
  const client = device.open({
    transport: { ...line, pull },
    realtime: device.server.changes,
    timeoutMs: 1e9,
  });
  await device.settle();
  await pulls[0]?.pass();
  const seen: (string | undefined)[] = [];
  client.subscribe(todos, 'a', () => seen.push(client.get(todos, 'a')?.title));
  return { ...device, client, pushes: line.pushes, pulls, seen };
}

const page = (changes: PullPage['changes'], cursor: string, upToDate = true): PullReply => ({
  kind: 'page',
  page: { changes, cursor, upToDate },
});
const row = (todo: Todo | undefined, version: number, op?: string): PullPage['changes'][number] => ({
  collection: 'todos',
  id: 'a',
  row: todo && { ...todo },
  version,
  op,
});
const mine = { id: 'a', title: 'mine' };
const milk = { id: 'a', title: 'milk' };

test('RD1 server data enters at once, also while mutations are pending; pending fields stay on top', async () => {
  const { client, pulls, settle, seen } = await start();
  client.update(todos, 'a', { title: 'mine' });
  void client.sync({ direction: 'pull' });
  await settle();
  await pulls.at(-1)?.answer(page([row({ ...milk, title: 'theirs', done: true }, 2)], 'e1.2'));
  expect(client.get(todos, 'a')).toEqual({ ...mine, done: true });
  expect(seen).toEqual(['mine', 'mine']);
});

describe('RD4 the own echo changes nothing that is seen', () => {
  test('after the answer', async () => {
    const { client, pushes, pulls, settle, seen } = await start();
    client.update(todos, 'a', { title: 'mine' });
    await settle();
    await pushes[0]?.pass();
    await pulls.at(-1)?.pass();
    expect([seen, client.pending().length]).toEqual([['mine'], 0]);
  });

  test('before the answer: it is the acceptance, and the late answer is ignored', async () => {
    const { client, pushes, pulls, settle, seen, server } = await start();
    const handle = client.update(todos, 'a', { title: 'mine' });
    const log = [outcomeOf(handle.acknowledged), outcomeOf(handle.confirmed)];
    await settle();
    await server.push([{ token: 't1', rev: 0, body: pushes[0]?.bodies[0] ?? '' }], {
      signal: new AbortController().signal,
    });
    void client.sync({ direction: 'pull' });
    await settle();
    await pulls.at(-1)?.pass();
    expect([client.pending().length, ...log.map(({ now }) => now)]).toEqual([0, 'resolved', 'resolved']);
    await pushes[0]?.answer(refused);
    expect([seen, client.get(todos, 'a'), client.deadLetters()]).toEqual([['mine'], mine, []]);
  });

  test('without any answer: it is the acceptance all the same', async () => {
    const { client, pushes, pulls, settle, server, clock } = await start();
    client.update(todos, 'a', { title: 'mine' });
    await settle();
    await server.push([{ token: 't1', rev: 0, body: pushes[0]?.bodies[0] ?? '' }], {
      signal: new AbortController().signal,
    });
    await clock.advance(30_000);
    await pulls.at(-1)?.pass();
    expect(client.pending()).toEqual([]);
    expect(server.timesApplied('t1')).toBe(1);
  });

  test('doubled, and out of order', async () => {
    const { client, pushes, pulls, settle, seen } = await start();
    client.update(todos, 'a', { title: 'mine' });
    await settle();
    await pushes[0]?.answer(answered(200, { rows: [row(mine, 2)] }));
    for (const cursor of ['e1.2', 'e1.3', 'e1.4']) {
      void client.sync({ direction: 'pull' });
      await settle();
      await pulls.at(-1)?.answer(page([row(mine, 2, 't1.0'), row(milk, 1)], cursor));
    }
    expect(seen).toEqual(['mine']);
  });

  test('of a mutation that this client never sent: nothing of ours', async () => {
    const { client, pulls, settle } = await start();
    client.pause();
    const { token } = client.update(todos, 'a', { title: 'mine' });
    await settle();
    client.resume();
    await settle();
    await pulls
      .at(-1)
      ?.answer(page([row(milk, 2, `${token}.7`), row(milk, 3, 'nonsense'), row(milk, 4, '')], 'e1.9'));
    expect(client.pending()).toHaveLength(1);
  });
});

describe('RD3 a read that began before a confirmation', () => {
  test('never brings the older row back', async () => {
    const { client, pushes, pulls, settle, seen } = await start();
    void client.sync({ direction: 'pull' });
    client.update(todos, 'a', { title: 'mine' });
    await settle();
    const stale = page([row(milk, 1)], 'e1.1');
    await pushes[0]?.pass();
    await pulls.at(-1)?.answer(stale);
    expect([client.get(todos, 'a'), seen]).toEqual([mine, ['mine']]);
  });

  test('nor after an acceptance that carried no rows', async () => {
    const { client, pushes, pulls, settle, seen } = await start();
    void client.sync({ direction: 'pull' });
    client.update(todos, 'a', { title: 'mine' });
    await settle();
    await pushes[0]?.answer(accepted);
    await pulls.at(-1)?.answer(page([row(milk, 1)], 'e1.1'));
    expect([client.get(todos, 'a'), seen]).toEqual([mine, ['mine']]);
  });

  test('nor revives what was deleted', async () => {
    const { client, pushes, pulls, settle } = await start();
    void client.sync({ direction: 'pull' });
    client.delete(todos, 'a');
    await settle();
    await pushes[0]?.pass();
    await pulls.at(-1)?.answer(page([row(milk, 1)], 'e1.1'));
    expect(client.get(todos, 'a')).toBeUndefined();
  });
});

test('RD2 what the server made of it enters in the notification in which the overlay leaves', async () => {
  const { client, pushes, settle, seen } = await start();
  client.update(todos, 'a', { title: 'mine' });
  await settle();
  await pushes[0]?.answer(answered(200, { rows: [row({ ...milk, title: 'Mine, trimmed' }, 2)] }));
  expect(seen).toEqual(['mine', 'Mine, trimmed']);
});

test('RD5 a server delete under a pending update shows no half row, and is no dead end: the strategy decides', async () => {
  const { client, pushes, pulls, settle, server } = await start();
  client.update(todos, 'a', { title: 'mine' });
  await settle();
  server.put('todos', 'a', undefined);
  await settle();
  await pulls.at(-1)?.pass();
  expect(client.get(todos, 'a')).toBeUndefined();
  await pushes[0]?.pass();
  expect(client.deadLetters()).toMatchObject([
    { error: { code: 'CONFLICT', status: 404, details: { reason: 'chosen' } } },
  ]);
});

test('PL1 a cursor that is too old: everything is read anew, and nothing pending is lost', async () => {
  const { client, pulls, settle, server } = await start();
  client.pause();
  client.update(todos, 'a', { title: 'mine' });
  server.put('todos', 'b', { id: 'b', title: 'new' });
  server.expireCursors();
  client.resume();
  await settle();
  while (pulls.at(-1)?.cursor !== 'done' && client.query(todos).length < 2) await pulls.at(-1)?.pass();
  expect(client.query(todos)).toEqual([mine, { id: 'b', title: 'new' }]);
  expect(client.pending()).toHaveLength(1);
});

test('LF3 rows of unknown collections are ignored, the others of the page are not', async () => {
  const { client, pulls, settle } = await start();
  void client.sync({ direction: 'pull' });
  await settle();
  await pulls
    .at(-1)
    ?.answer(
      page([{ ...row(milk, 9), collection: 'constructor' }, row({ ...milk, title: 'theirs' }, 9)], 'e1.9'),
    );
  expect(client.get(todos, 'a')?.title).toBe('theirs');
});
