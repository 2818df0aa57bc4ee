import { describe, expect, test } from 'vitest';
import type { SyncClient } from '../../src/engine/client.js';
import type { PullReply, PullRequest } from '../../src/engine/ports.js';
import { accepted, createDevice, deaf, everybody, heldTransport, refused, todos } from './testClient.js';

// What users of other libraries report as flicker, each with all that is shown meanwhile, frame by frame.

/** Three rows on a server whose answers wait for the test. */
async function start(ids: readonly string[] = ['a', 'b', 'c']) {
  const device = createDevice({ lease: everybody });
  for (const id of ids) device.server.put('todos', id, { id, title: 'old', done: false, n: 0 });
  const line = heldTransport(device.server, device.clock);
  const pulls: { readonly asks: PullRequest; answer(reply?: PullReply): Promise<void> }[] = [];
  const open = async () => {
    const client = device.open({
      transport: {
        ...line,
        snapshots: false,
        pull: (asks) =>
          new Promise((resolve) => {
            const page = device.server.pull(asks); // as it is when the request arrives
            pulls.push({
              asks,
              async answer(reply) {
                resolve(reply ?? page);
                await device.settle();
              },
            });
          }),
      },
      tabs: deaf,
      timeoutMs: 1e9,
    });
    await device.settle();
    return client;
  };
  const client = await open();
  await pulls.shift()?.answer();
  await device.settle();
  return { ...device, client, open, pushes: line.pushes, pulls };
}

/** Every value that is shown from now on, one line per notification; lines that repeat are one. */
function film(client: SyncClient, show: (client: SyncClient) => string): string[] {
  const frames = [show(client)];
  const look = (): void => {
    const frame = show(client);
    if (frame !== frames.at(-1)) frames.push(frame);
  };
  client.store.subscribe(look);
  return frames;
}

const ticks = (client: SyncClient): string =>
  client
    .query(todos, { orderBy: 'id' })
    .map(({ done }) => (done === true ? 'x' : '.'))
    .join('');
const title = (client: SyncClient): string => client.get(todos, 'a')?.title ?? 'nothing';
const count = (client: SyncClient): string => String(client.get(todos, 'a')?.n);

describe('RD3 several rows toggled quickly, whose refetches answer out of order (db#1374)', () => {
  test.each([[[0, 1, 2]], [[0, 2, 1]], [[1, 0, 2]], [[1, 2, 0]], [[2, 0, 1]], [[2, 1, 0]]])(
    '%o: each row changes once',
    async (order) => {
      const { client, open, pushes, pulls, settle } = await start();
      // Three tabs of one storage, each with a pull under way that was asked for before, between and after the writes.
      const tabs = [client, await open(), await open()];
      await pulls.shift()?.answer();
      await pulls.shift()?.answer();
      const films = tabs.map((tab) => film(tab, ticks));
      for (const [i, id] of ['a', 'b', 'c'].entries()) {
        void tabs[i]?.sync({ direction: 'pull', operation: 'full' });
        await settle();
        client.update(todos, id, { done: true });
        await settle();
        await pushes.at(-1)?.pass();
      }
      const asked = pulls.splice(0);
      for (const i of order) await asked[i]?.answer();
      await settle();
      expect(films[0]).toEqual(['...', 'x..', 'xx.', 'xxx']);
      // The others learn of it in steps of their own, never backwards.
      for (const frames of films.slice(1))
        for (const [i, frame] of frames.entries())
          expect(
            Array.from(frame).every((c, at) => c === 'x' || frames[i - 1]?.[at] !== 'x'),
            frames.join(),
          ).toBe(true);
      for (const tab of tabs) await tab.dispose();
    },
  );
});

test('RD2 paced updates, each answered while the next one waits, never fall back to the one before (db#904)', async () => {
  const { client, pushes, settle } = await start(['a']);
  const frames = film(client, count);
  for (let n = 1; n <= 10; n++) {
    client.update(todos, 'a', { n });
    await settle();
    if (n % 2 === 0) await pushes.at(-1)?.pass(); // the answer to an earlier value
  }
  while (client.pending().length > 0) await pushes.at(-1)?.pass();
  expect(frames).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
});

test('RD2 accepted first, without a row, and the echo comes later (db#1602)', async () => {
  const { client, pushes, pulls, settle, server } = await start(['a']);
  const frames = film(client, title);
  const { confirmed } = client.update(todos, 'a', { title: 'mine' });
  await settle();
  await server.push([{ token: 't1', rev: 0, body: pushes[0]?.bodies[0] ?? '' }], {
    signal: new AbortController().signal,
  });
  await pushes[0]?.answer(accepted);
  await confirmed;
  for (let i = 0; i < 2; i++) {
    void client.sync({ direction: 'pull' });
    await settle();
    await pulls.shift()?.answer();
  }
  expect(frames).toEqual(['old', 'mine']);
});

describe('RD3 a refetch of the list that was begun before a write (query#5968)', () => {
  const list = (client: SyncClient): string =>
    client
      .query(todos, { orderBy: 'id' })
      .map((todo) => `${todo.id}:${todo.title}`)
      .join(' ');

  test('and answers late', async () => {
    const { client, pushes, pulls, settle } = await start(['a', 'b']);
    const frames = film(client, list);
    void client.sync({ direction: 'pull', operation: 'full' });
    await settle();
    client.update(todos, 'a', { title: 'mine' });
    client.insert(todos, { id: 'c', title: 'new' });
    client.delete(todos, 'b');
    await settle();
    while (client.pending().length > 0) await pushes.at(-1)?.pass();
    while (pulls.length > 0) await pulls.shift()?.answer();
    expect(frames).toEqual(['a:old b:old', 'a:mine b:old', 'a:mine b:old c:new', 'a:mine c:new']);
  });

  test('and is cancelled by it, its answer coming all the same', async () => {
    const { client, pushes, pulls, settle } = await start(['a']);
    const frames = film(client, list);
    const stop = new AbortController();
    const cancelled = client.sync({ direction: 'pull', signal: stop.signal }).catch(() => 'cancelled');
    await settle();
    client.update(todos, 'a', { title: 'mine' });
    stop.abort();
    await settle();
    await pushes[0]?.pass();
    await pulls.shift()?.answer();
    expect([await cancelled, frames]).toEqual(['cancelled', ['a:old', 'a:mine']]);
  });
});

describe('RD2 two quick edits that both fail (swr#1965)', () => {
  test.each([['in one batch'], ['one by one']])(
    '%s: what is shown ends with the base, and passes no older edit',
    async (how) => {
      const { client, pushes, settle } = await start(['a']);
      const frames = film(client, title);
      client.update(todos, 'a', { title: 'first' });
      if (how === 'one by one') await settle();
      client.update(todos, 'a', { title: 'second' });
      await settle();
      for (let i = 0; i < pushes.length; i++) {
        const { bodies = [] } = pushes[i] ?? {};
        await pushes[i]?.answer(...bodies.map(() => refused));
      }
      expect(frames).toEqual(['old', 'first', 'second', 'old']);
      expect(client.deadLetters()).toHaveLength(2);
    },
  );
});

test('RD1 on reconnect the refetch beats the queued writes (db#1323)', async () => {
  const { client, pushes, pulls, settle, server, connectivity } = await start(['a', 'b']);
  connectivity.setOnline(false);
  client.pause();
  const frames = film(client, (c) => `${title(c)} ${c.get(todos, 'b')?.title ?? 'nothing'} ${count(c)}`);
  client.update(todos, 'a', { title: 'mine' });
  client.delete(todos, 'b');
  await settle();
  server.put('todos', 'a', { id: 'a', title: 'old', done: false, n: 7 }); // meanwhile, elsewhere
  connectivity.setOnline(true);
  client.resume();
  void client.sync({ direction: 'pull' });
  await settle();
  await pulls.shift()?.answer();
  while (client.pending().length > 0) await pushes.at(-1)?.pass();
  expect(frames).toEqual(['old old 0', 'mine old 0', 'mine nothing 0', 'mine nothing 7']);
  expect(server.get('todos', 'a')).toMatchObject({ title: 'mine', n: 7 });
});
