import { describe, expect, test } from 'vitest';
import { DualFailureError } from '../../src/domain/errors.js';
import type { SyncClientOptions } from '../../src/engine/options.js';
import type { Reply } from '../../src/engine/ports.js';
import { httpTransport } from '../../src/adapters/httpTransport.js';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import {
  accepted,
  answered,
  createDevice,
  heldTransport,
  lost,
  outcomeOf,
  refused,
  todos,
  watchedStorage,
} from './testClient.js';
import { lineOf, settlingsOf } from './wireLog.js';

const todo = (id: string) => ({ id, title: id });

/** A client whose pushes are answered as the test says, and logged. */
async function start(own: Partial<SyncClientOptions> = {}) {
  const device = createDevice();
  const said = { reply: answered(500) };
  const sent: string[] = [];
  const keys: string[] = [];
  const transport = {
    ...heldTransport(device.server, device.clock),
    push: (ops: readonly { token: string; rev: number; body: string }[]) => {
      for (const { token, rev, body } of ops) {
        keys.push(`${token}.${rev}`);
        sent.push(`${device.clock.monotonic()} ${lineOf(body)}`);
      }
      return Promise.resolve(ops.map(() => said.reply));
    },
  };
  const options = { transport, ...own };
  const client = device.open(options);
  await device.settle();
  return { ...device, client, said, sent, keys, options, settlings: settlingsOf(client) };
}

describe('RT6 attempts', () => {
  test('are unlimited by default: after ten thousand it is still there, with a delay of no more than the cap', async () => {
    const { client, clock, keys, said, settlings } = await start({ retry: { baseMs: 1, capMs: 2 } });
    client.insert(todos, todo('a'));
    await clock.advance(10_000);
    const [view] = client.pending();
    expect(keys.length).toBeGreaterThan(10_000);
    expect([view?.failureCount, new Set(keys)]).toEqual([keys.length, new Set(['t1.0'])]);
    expect((view?.nextAttemptAt ?? Infinity) - clock.now()).toBeLessThanOrEqual(2);
    said.reply = accepted;
    await clock.advance(2);
    expect(settlings).toEqual(['confirmed t1']);
  });

  test('RT2 what was given up and is retried by hand goes no earlier than the server wanted', async () => {
    const { client, clock, said, sent } = await start({ retry: { maxAttempts: 1 } });
    const problem = { type: 'urn:x:in-progress' };
    said.reply = answered(409, { problem, retryAfterMs: 10_000 });
    const { token } = client.insert(todos, todo('a'));
    await clock.advance(1_000);
    said.reply = accepted;
    await client.retry(token).enqueued;
    expect(client.get(todos, 'a')).toEqual(todo('a'));
    await clock.advance(20_000);
    expect(sent.map((line) => line.split(' ')[0])).toEqual(['0', '10001']);
    expect(client.pending()).toEqual([]);
  });

  test('maxAttempts makes a dead letter that may have arrived; its cause is the last error', async () => {
    const { client, clock, keys } = await start({ retry: { maxAttempts: 3 } });
    const { confirmed } = client.insert(todos, todo('a'));
    const outcome = outcomeOf(confirmed);
    await clock.advance(1_499);
    expect([keys.length, outcome.now, client.status.get()]).toMatchObject([2, 'open', { failed: 0 }]);
    await clock.advance(1);
    expect([keys.length, outcome.now]).toEqual([3, 'rejected GIVEN_UP']);
    await expect(confirmed).rejects.toMatchObject({
      code: 'GIVEN_UP',
      recovery: 'user',
      details: { attempts: 3 },
      cause: { code: 'UNAVAILABLE', status: 500 },
    });
    expect(client.deadLetters()).toMatchObject([{ token: 't1', mayHaveArrived: true, variables: todo('a') }]);
    expect([client.get(todos, 'a'), client.pending()]).toEqual([undefined, []]);
  });

  test.each(['at once', 'after a reload'])(
    'retry %s sends the same key and bytes: what had arrived does not happen twice',
    async (when) => {
      const device = createDevice();
      const line = heldTransport(device.server, device.clock);
      const own = { transport: line, retry: { maxAttempts: 1 } };
      const first = device.open(own);
      await device.settle();
      first.insert(todos, todo('a'));
      await device.settle();
      await device.server.push([{ token: 't1', rev: 0, body: line.pushes[0]?.bodies[0] ?? '' }], {
        signal: new AbortController().signal,
      });
      await line.pushes[0]?.answer(lost);
      let client = first;
      if (when === 'after a reload') {
        await first.dispose();
        client = device.open(own);
        await device.settle();
      }
      const { token, enqueued, confirmed } = client.retry('t1');
      const outcome = outcomeOf(confirmed);
      await enqueued;
      expect([token, client.get(todos, 'a'), client.deadLetters()]).toEqual(['t1', todo('a'), []]);
      await device.clock.advance(500);
      expect([line.pushes[1]?.keys, line.pushes[1]?.bodies]).toEqual([['t1.0'], line.pushes[0]?.bodies]);
      await line.pushes[1]?.pass();
      expect([outcome.now, device.server.timesApplied('t1')]).toEqual(['resolved', 1]);
    },
  );

  test('retry with edited variables is another content, so another key', async () => {
    const { client, clock, keys, said } = await start({ retry: { maxAttempts: 1 } });
    client.insert(todos, todo('a'));
    await clock.advance(0);
    said.reply = accepted;
    client.retry('t1', { id: 'a', title: 'edited' });
    await clock.advance(1_000);
    expect([keys, client.get(todos, 'a')?.title]).toEqual([['t1.0', 't1.1'], 'edited']);
  });

  test('a merge that was given up comes back as one, under its key', async () => {
    const { client, clock, sent, said, settle, settlings } = await start({ retry: { maxAttempts: 1 } });
    client.pause();
    client.insert(todos, todo('a'));
    client.update(todos, 'a', { done: true });
    client.resume();
    await settle();
    expect(settlings).toEqual(['rejected t1 GIVEN_UP', 'rejected t2 GIVEN_UP']);
    said.reply = accepted;
    client.retry('t2'); // the update alone would find no row
    await clock.advance(1_000);
    const line = 't3.0 insert a {"id":"a","title":"a","done":true}';
    expect(sent.map((entry) => entry.replace(/^\d+ /, ''))).toEqual([line, line]);
    expect([settlings.slice(2), client.deadLetters(), client.get(todos, 'a')]).toEqual([
      ['confirmed t1', 'confirmed t2'],
      [],
      { ...todo('a'), done: true },
    ]);
  });

  test('what waits for it is refused with it, and comes back with it', async () => {
    const { client, clock, said, settle, settlings } = await start({ retry: { maxAttempts: 1 } });
    const { token } = client.insert(todos, todo('a'));
    client.insert(todos, todo('b'), { dependsOn: [token], sendAfter: 1 });
    await settle();
    expect(settlings).toEqual(['rejected t1 GIVEN_UP', 'rejected t2 DEPENDENCY']);
    said.reply = accepted;
    client.retry(token);
    await clock.advance(10_000);
    expect([client.deadLetters(), settlings.slice(2)]).toEqual([[], ['confirmed t1', 'confirmed t2']]);
  });
});

describe('RT5 on reconnect', () => {
  test('each client waits a random share of the spread; critical mutations do not', async () => {
    const { client, clock, connectivity, sent, said } = await start({ retry: { spreadMs: 10_000 } });
    said.reply = accepted;
    connectivity.setOnline(false);
    client.insert(todos, todo('a'));
    client.insert(todos, todo('b'), { priority: 'critical' });
    await clock.advance(10_000);
    connectivity.setOnline(true);
    await clock.advance(4_999);
    expect(sent).toEqual(['10000 t2.0 insert b {"id":"b","title":"b"}']);
    client.insert(todos, todo('c'));
    await clock.advance(1);
    expect(sent.slice(1).map((entry) => entry.split(' ').slice(0, 2))).toEqual([
      ['15000', 't1.0'],
      ['15000', 't3.0'],
    ]);
  });

  test('what a critical one waits for goes with it, and a pull that somebody waits for goes at once', async () => {
    const device = createDevice();
    const sent: string[] = [];
    let pulls = 0;
    const client = device.open({
      retry: { spreadMs: 10_000 },
      transport: {
        ...device.server,
        push(ops, context) {
          for (const { token } of ops) sent.push(`${device.clock.monotonic()} ${token}`);
          return device.server.push(ops, context);
        },
        pull(request) {
          pulls++;
          return device.server.pull(request);
        },
      },
    });
    await device.settle();
    device.connectivity.setOnline(false);
    const { token } = client.insert(todos, todo('a'), { priority: 'background' });
    client.insert(todos, todo('b'), { priority: 'critical', dependsOn: [token] });
    client.insert(todos, todo('c'));
    await device.settle();
    pulls = 0;
    device.connectivity.setOnline(true);
    await device.clock.advance(4_999);
    expect([sent, pulls]).toEqual([['0 t1', '0 t2'], 0]);
    await client.sync({ direction: 'pull' });
    expect(pulls).toBe(1);
    await device.clock.advance(1);
    expect(sent[2]).toBe('5000 t3');
  });

  test('a network that was there all the time spreads nothing', async () => {
    const { client, connectivity, settle, sent } = await start({ retry: { spreadMs: 10_000 } });
    connectivity.wake();
    client.insert(todos, todo('a'));
    await settle();
    expect(sent).toHaveLength(1);
  });
});

describe('RT8 the server failed, and the storage of what came of it, too', () => {
  async function dual(reply: Reply) {
    const storage = watchedStorage(memoryStorage());
    const started = await start({ storage });
    const failures: unknown[] = [];
    started.client.on('client.failure', ({ error }) => failures.push(error));
    started.said.reply = reply;
    storage.fail = ({ outcomes }) => outcomes !== undefined;
    return { ...started, storage, failures };
  }

  test('both errors are told, with their causes; it stays, and goes again with the same key', async () => {
    const { client, settle, clock, failures, storage, keys, settlings } = await dual(refused);
    client.insert(todos, todo('a'));
    await settle();
    const [error] = failures;
    expect(error).toBeInstanceOf(DualFailureError);
    expect(error).toMatchObject({
      code: 'DUAL_FAILURE',
      remote: { code: 'REFUSED', status: 422 },
      local: { code: 'STORAGE', cause: { message: 'QuotaExceededError' } },
    });
    expect([settlings, client.pending()]).toMatchObject([
      [],
      [{ state: 'waiting', sealed: true, failureReason: { code: 'DUAL_FAILURE' } }],
    ]);
    storage.fail = undefined;
    await clock.advance(1_000);
    expect([keys, settlings]).toEqual([['t1.0', 't1.0'], ['rejected t1 REFUSED']]);
  });

  test('where the server had accepted, the storage alone is to blame', async () => {
    const { client, settle, clock, failures, storage, settlings } = await dual(accepted);
    client.insert(todos, todo('a'));
    await settle();
    expect(failures).toMatchObject([{ code: 'STORAGE' }]);
    storage.fail = undefined;
    await clock.advance(1_000);
    expect(settlings).toEqual(['confirmed t1']);
  });
});

describe('RT1, LF2 a session that has ended', () => {
  test('holds everything, drops nothing, goes on after the refresh; no credential is on the disk', async () => {
    const device = createDevice();
    let session = 'secret-1';
    let valid = 'secret-2';
    let refreshes = 0;
    const authorized: string[] = [];
    const fetch = (_url: unknown, init?: RequestInit): Promise<Response> => {
      const bearer = new Headers(init?.headers).get('authorization') ?? '';
      authorized.push(bearer);
      if (bearer !== `Bearer ${valid}`) return Promise.resolve(new Response(null, { status: 401 }));
      const { ops } = JSON.parse(init?.body as string) as { ops: { op: string; rev: number }[] };
      const results = ops.map(({ op, rev }) => ({ op, rev, status: 200, entities: [] }));
      return Promise.resolve(Response.json({ results }));
    };
    const transport = httpTransport({
      url: 'https://api.example/sync',
      fetch,
      auth: {
        headers: () => ({ authorization: `Bearer ${session}` }),
        refresh: () => {
          refreshes++;
          return Promise.resolve();
        },
      },
    });
    const client = device.open({ transport: { ...transport, pull: undefined } as never });
    const settlings = settlingsOf(client);
    await device.settle();
    for (const id of ['a', 'b']) client.insert(todos, todo(id));
    await device.clock.advance(0);
    expect(client.status.get()).toMatchObject({ phase: 'needsAuth', needsAuth: true, pending: 2, failed: 0 });
    expect([refreshes, settlings, client.get(todos, 'a')]).toEqual([1, [], todo('a')]);
    const stored = memoryStorage({ disk: device.disk });
    await stored.open('app');
    expect(JSON.stringify(await stored.load())).not.toContain('secret');
    session = valid;
    await device.clock.advance(1_000);
    expect([settlings, client.status.get().needsAuth]).toEqual([['confirmed t1', 'confirmed t2'], false]);
    expect(authorized.at(-1)).toBe('Bearer secret-2');
    valid = '';
  });
});
