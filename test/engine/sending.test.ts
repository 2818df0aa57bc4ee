import { describe, expect, test } from 'vitest';
import { defineMutation, type DefinitionOptions } from '../../src/domain/definition.js';
import type { Reply } from '../../src/engine/ports.js';
import {
  accepted,
  answered,
  createDevice,
  everybody,
  heldTransport,
  lost,
  omitted,
  outcomeOf,
  portal,
  refused,
  startClient,
  todos,
} from './testClient.js';

const todo = (id: string) => ({ id, title: id });

/** A named mutation that says nothing of merging: it goes by itself (CO4). */
const finish = defineMutation({
  name: 'finish',
  optimistic: (tx, id: string) => tx.update(todos, id, { done: true }),
});

/** A client whose pushes are held by the test. */
async function start(options: { readonly ordered?: boolean; readonly timeoutMs?: number } = {}) {
  const { ordered = true, timeoutMs = 1e9 } = options;
  const device = createDevice();
  const line = { ...heldTransport(device.server, device.clock), ordered };
  const client = device.open({ transport: line, timeoutMs, mutations: [finish] });
  await device.settle();
  return { ...device, client, line, phases: () => client.status.get().phase };
}

describe('SC1 per lane strict order', () => {
  test('an ordered transport has one request at a time, with all that is ready', async () => {
    const { client, line, settle } = await start();
    for (const id of ['a', 'b']) client.insert(todos, todo(id));
    client.mutate(finish, 'a');
    await settle();
    client.mutate(finish, 'b');
    await settle();
    expect(line.pushes.map(({ tokens }) => tokens)).toEqual([['t1', 't2', 't3']]);
    await line.pushes[0]?.pass();
    expect(line.pushes.map(({ tokens }) => tokens)).toEqual([['t1', 't2', 't3'], ['t4']]);
  });

  test('a full batch is sealed while another is under way, and goes as soon as that is answered; fewer wait unsealed', async () => {
    const device = createDevice({ limits: { maxBatch: 2 } });
    const line = heldTransport(device.server, device.clock);
    const client = device.open({ transport: line, timeoutMs: 1e9 });
    await device.settle();
    client.pause();
    for (const id of ['a', 'b', 'c', 'd', 'e']) client.insert(todos, todo(id));
    client.resume();
    await device.settle();
    const sealed = (): readonly string[] => client.pending().flatMap((m) => (m.sealed ? m.token : []));
    expect([line.pushes.map(({ tokens }) => tokens), sealed()]).toEqual([
      [['t1', 't2']],
      ['t1', 't2', 't3', 't4'],
    ]);
    expect(await client.rollback('t5')).toBe('cancelled');
    await line.pushes[0]?.pass();
    await line.pushes[1]?.pass();
    expect(line.pushes.map(({ tokens }) => tokens)).toEqual([
      ['t1', 't2'],
      ['t3', 't4'],
    ]);
    expect(client.pending()).toEqual([]);
  });

  test('RT2 what was sealed ahead does not go when the request before it has to wait', async () => {
    const device = createDevice({ limits: { maxBatch: 2 } });
    const line = heldTransport(device.server, device.clock);
    const client = device.open({ transport: line, timeoutMs: 1e9, retry: { baseMs: 1_000 } });
    await device.settle();
    client.pause();
    for (const id of ['a', 'b', 'c', 'd']) client.insert(todos, todo(id));
    client.resume();
    await device.settle();
    const busy = answered(503, { retryAfterMs: 60_000, wholeRequest: true });
    await line.pushes[0]?.answer(busy, busy);
    await device.clock.advance(59_000);
    expect(line.pushes.length).toBe(1);
    await device.clock.advance(60_000);
    expect(line.pushes.length).toBeGreaterThan(1);
  });

  test('TB3 SC1 what was sealed ahead does not go when another tab has decided it meanwhile', async () => {
    const device = createDevice({ lease: everybody, limits: { maxBatch: 2 } });
    const open = () => {
      const line = heldTransport(device.server, device.clock);
      return { line, client: device.open({ transport: line, timeoutMs: 1e9 }) };
    };
    const sent = ({ line }: ReturnType<typeof open>) => line.pushes.map(({ tokens }) => tokens);
    const mine = open();
    await device.settle();
    mine.client.pause();
    for (const id of ['a', 'b', 'c', 'd', 'e']) mine.client.insert(todos, todo(id));
    mine.client.resume();
    await device.settle();
    const theirs = open();
    await device.settle();
    await theirs.line.pushes[0]?.pass();
    await theirs.line.pushes[1]?.pass();
    const [first, ahead, last] = [['t1', 't2'], ['t3', 't4'], ['t5']];
    expect([sent(mine), sent(theirs)]).toEqual([[first], [first, ahead, last]]);
    await mine.line.pushes[0]?.pass();
    expect(sent(mine)).toEqual([first, last]);
  });

  test('any other transport gets one of each lane', async () => {
    const { client, line, settle } = await start({ ordered: false });
    client.insert(todos, todo('a'));
    client.mutate(finish, 'a');
    client.insert(todos, todo('b'));
    await settle();
    await line.pushes[0]?.answer(accepted, accepted);
    expect(line.pushes.map(({ tokens }) => tokens)).toEqual([['t1', 't3'], ['t2']]);
  });

  test('a slow request of an unordered transport holds only its lanes; up to `concurrency` go at a time', async () => {
    const { client, line, settle } = await start({ ordered: false });
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      client.insert(todos, todo(id));
      await settle();
    }
    client.mutate(finish, 'a');
    await settle();
    expect(line.pushes.map(({ tokens }) => tokens)).toEqual([['t1'], ['t2'], ['t3'], ['t4']]);
    await line.pushes[3]?.pass();
    await line.pushes[0]?.pass();
    expect(line.pushes.slice(4).map(({ tokens }) => tokens)).toEqual([['t5'], ['t6']]);
  });

  test('own functions run in parallel up to the limit, one of each lane', async () => {
    const running: string[] = [];
    const ends: (() => void)[] = [];
    const own = defineMutation({
      name: 'own',
      optimistic: (tx, v: { id: string; title: string }) =>
        tx.get(todos, v.id) === undefined ? tx.insert(todos, v) : tx.update(todos, v.id, v),
      mutationFn: ({ title }) => {
        running.push(title);
        return new Promise<void>((resolve) => ends.push(resolve));
      },
    });
    const { client, settle } = await startClient({ mutations: [own], concurrency: 2 });
    for (const [id, title] of [
      ['a', 'a1'],
      ['a', 'a2'],
      ['b', 'b1'],
      ['c', 'c1'],
    ] as const)
      client.mutate(own, { id, title });
    await settle();
    expect(running).toEqual(['a1', 'b1']);
    ends[0]?.();
    await settle();
    expect(running).toEqual(['a1', 'b1', 'a2']);
    ends[1]?.();
    await settle();
    expect(running).toEqual(['a1', 'b1', 'a2', 'c1']);
  });

  test('a request through the transport takes none of their room', async () => {
    const running: string[] = [];
    const own = defineMutation({
      name: 'own',
      optimistic: (tx, id: string) => tx.insert(todos, todo(id)),
      mutationFn: (id) => {
        running.push(id);
        return new Promise<void>(() => undefined);
      },
    });
    const device = createDevice();
    const line = heldTransport(device.server, device.clock);
    const client = device.open({ transport: line, mutations: [own], concurrency: 1 });
    client.insert(todos, todo('a'));
    await device.settle();
    client.mutate(own, 'b');
    client.mutate(own, 'c');
    await device.settle();
    expect([line.pushes.length, running]).toEqual([1, ['b']]);
  });

  test('a lane of both kinds has one in flight all the same', async () => {
    const running: string[] = [];
    const own = defineMutation({
      name: 'own',
      optimistic: (tx, id: string) => tx.update(todos, id, { done: true }),
      mutationFn: async (id) => void running.push(id),
    });
    const device = createDevice();
    const line = heldTransport(device.server, device.clock);
    const client = device.open({ transport: line, mutations: [own] });
    client.insert(todos, todo('a'));
    client.mutate(own, 'a');
    await device.settle();
    expect([line.pushes.length, running]).toEqual([1, []]);
    await line.pushes[0]?.pass();
    expect(running).toEqual(['a']);
  });
});

test('SC3 a refused, failing or held mutation delays only its own lane', async () => {
  const { client, server, clock } = await startClient({ mutations: [finish] });
  server.refuse((op) => op.kind === 'insert' && op.id === 'bad' && 422);
  server.refuse((op) => op.kind === 'insert' && op.id === 'busy' && 500);
  for (const id of ['bad', 'busy', 'good']) client.insert(todos, todo(id));
  client.mutate(finish, 'busy');
  await clock.advance(2_000);
  expect([...server.rows('todos').keys()]).toEqual(['good']);
  expect(client.pending().map(({ token, state }) => `${token} ${state}`)).toEqual([
    't2 waiting',
    't4 queued',
  ]);
});

test('SC5 a drain says what it did, and one failure does not stop it', async () => {
  const { client, server } = await startClient();
  client.pause();
  server.refuse((op) => op.kind === 'insert' && op.id === 'bad' && 422);
  server.refuse((op) => op.kind === 'insert' && op.id === 'old' && 412);
  for (const id of ['a', 'bad', 'b', 'old']) client.insert(todos, todo(id));
  client.resume();
  const { summary } = await client.sync({ direction: 'push' });
  expect(summary).toMatchObject({
    attempted: 4,
    confirmed: 2,
    rejected: 2,
    conflicts: 1,
    retried: 0,
    deferred: 0,
    requests: 1,
    durationMs: 0,
  });
  expect(summary.bytesSent).toBeGreaterThan(200);
});

describe('RT1 from reply to state', () => {
  // What is pending, failed and seen after one reply, and what the status says.
  test.each<[string, Reply, string]>([
    ['2xx: accepted', accepted, 'synced pending=0 failed=0 row=true'],
    ['422: refused, a dead letter', refused, 'synced pending=0 failed=1 row=false'],
    ['403: refused', answered(403), 'synced pending=0 failed=1 row=false'],
    ['418: refused', answered(418), 'synced pending=0 failed=1 row=false'],
    ['401: held, nothing dropped', answered(401), 'needsAuth pending=1 failed=0 row=true'],
    ['426: held, nothing dropped', answered(426), 'waiting pending=1 failed=0 row=true'],
    ['500: retried', answered(500), 'waiting pending=1 failed=0 row=true'],
    ['429: retried', answered(429), 'waiting pending=1 failed=0 row=true'],
    [
      '409 in progress: retried',
      answered(409, { problem: { type: 'urn:x:in-progress' } }),
      'waiting pending=1 failed=0 row=true',
    ],
    ['a login page with 200: retried', portal, 'waiting pending=1 failed=0 row=true'],
    ['no network: retried', lost, 'waiting pending=1 failed=0 row=true'],
  ])('%s', async (_name, reply, expected) => {
    const { client, line, settle } = await start();
    client.insert(todos, todo('a'));
    await settle();
    await line.pushes[0]?.answer(reply);
    const { phase, pending, failed } = client.status.get();
    expect(`${phase} pending=${pending} failed=${failed} row=${client.get(todos, 'a') !== undefined}`).toBe(
      expected,
    );
  });

  test.each<[string, Reply]>([
    ['500', answered(500)],
    ['401', answered(401)],
    ['a portal', portal],
    ['no network', lost],
  ])('after %s it is sent again with the same key and bytes, and accepted', async (_name, reply) => {
    const { client, line, clock, settle } = await start();
    const { confirmed } = client.insert(todos, todo('a'));
    await settle();
    await line.pushes[0]?.answer(reply);
    await clock.advance(1_000);
    expect(line.pushes[1]?.bodies).toEqual(line.pushes[0]?.bodies);
    expect(line.pushes[1]?.keys).toEqual(['t1.0']);
    await line.pushes[1]?.pass();
    await confirmed;
    expect(client.status.get()).toMatchObject({ phase: 'synced', needsAuth: false });
  });

  test('an omitted op is undecided through no fault of its own: sent again at once', async () => {
    const { client, line, settle } = await start();
    for (const id of ['a', 'b']) client.insert(todos, todo(id));
    await settle();
    await line.pushes[0]?.answer(accepted, omitted);
    expect(line.pushes.map(({ tokens }) => tokens)).toEqual([['t1', 't2'], ['t2']]);
    expect(client.pending()[0]?.failureCount).toBe(0);
  });

  test('a server that omits everything is not asked in a loop', async () => {
    const { client, line, clock, settle } = await start();
    client.insert(todos, todo('a'));
    await settle();
    await line.pushes[0]?.answer(omitted);
    await clock.advance(400);
    expect(line.pushes).toHaveLength(1);
    await clock.advance(100);
    expect(line.pushes).toHaveLength(2);
  });

  test('fewer replies than ops: the rest is undecided', async () => {
    const { client, line, settle } = await start();
    for (const id of ['a', 'b']) client.insert(todos, todo(id));
    await settle();
    await line.pushes[0]?.answer(accepted);
    expect(client.pending().map(({ token }) => token)).toEqual(['t2']);
  });

  test('a 404 means already done where every change is a delete, but not for a command', async () => {
    const purge = defineMutation({
      name: 'purge',
      command: true,
      optimistic: (tx, id: string) => tx.delete(todos, id),
    });
    const device = createDevice();
    for (const id of ['a', 'b']) device.server.put('todos', id, todo(id));
    const line = heldTransport(device.server, device.clock);
    const client = device.open({
      transport: { ...line, pull: device.server.pull.bind(device.server) },
      mutations: [purge],
    });
    await device.settle();
    const outcomes = [client.delete(todos, 'a'), client.mutate(purge, 'b')].map(({ confirmed }) =>
      outcomeOf(confirmed),
    );
    await device.settle();
    await line.pushes[0]?.answer(answered(404), answered(404));
    expect(outcomes.map(({ now }) => now)).toEqual(['resolved', 'rejected REFUSED']);
  });
});

describe('RT2 backoff and floors', () => {
  /** The times of all sends, when every push is answered by `reply`. */
  async function sendTimes(
    reply: Reply,
    until: number,
    meanwhile?: (device: Awaited<ReturnType<typeof start>>) => void,
  ): Promise<number[]> {
    const started = await start();
    const { client, clock, line, settle } = started;
    const times: number[] = [];
    client.insert(todos, todo('a'));
    await settle();
    for (let sent = 0; clock.monotonic() < until;) {
      for (; sent < line.pushes.length; sent++) {
        times.push(clock.monotonic());
        await line.pushes[sent]?.answer(...(line.pushes[sent]?.tokens.map(() => reply) ?? []));
      }
      meanwhile?.(started);
      await clock.advance(100);
    }
    return times;
  }

  test('delays double, half of the bound each as this device draws', async () => {
    expect(await sendTimes(answered(500), 16_000)).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500]);
  });

  test('Retry-After is a floor', async () => {
    expect(await sendTimes(answered(503, { retryAfterMs: 10_000 }), 25_000)).toEqual([0, 10_500, 21_500]);
  });

  test('neither the network coming back, nor focus, nor new writes go below the floor', async () => {
    let n = 0;
    const times = await sendTimes(
      answered(503, { retryAfterMs: 10_000 }),
      25_000,
      ({ client, connectivity }) => {
        connectivity.setOnline(false);
        connectivity.setOnline(true);
        connectivity.wake();
        if (n < 20) client.insert(todos, todo(`n${n++}`));
      },
    );
    expect(times).toEqual([0, 10_000, 20_000]);
  });

  test('the network coming back shortens a backoff without a floor', async () => {
    const { client, clock, line, settle, connectivity } = await start();
    client.insert(todos, todo('a'));
    await settle();
    await line.pushes[0]?.answer(lost);
    connectivity.wake();
    await clock.advance(0);
    expect([line.pushes.length, clock.monotonic()]).toEqual([2, 0]);
  });

  test('NQ1 offline is a hint: one mutation every 30 s tries the network, the others can still be taken back', async () => {
    const { client, clock, line, connectivity } = await start();
    connectivity.setOnline(false);
    client.insert(todos, todo('a'));
    client.insert(todos, todo('b'));
    await clock.advance(29_999);
    expect([line.pushes.length, client.status.get().phase]).toEqual([0, 'offline']);
    await clock.advance(1);
    await line.pushes[0]?.answer(lost);
    expect(client.pending().map((m) => m.sealed)).toEqual([true, false]);
    await clock.advance(29_999);
    expect(line.pushes).toHaveLength(1);
    await clock.advance(1);
    expect(line.pushes.map((push) => push.keys)).toEqual([['t1.0'], ['t1.0']]);
  });

  test('NQ1 an answer proves the network, whatever the platform says', async () => {
    const { client, clock, line, connectivity } = await start();
    connectivity.setOnline(false);
    for (const id of ['a', 'b', 'c']) client.insert(todos, todo(id));
    await clock.advance(30_000);
    await line.pushes[0]?.pass();
    expect(line.pushes.map((push) => push.keys)).toEqual([['t1.0'], ['t2.0', 't3.0']]);
    expect(client.status.get()).toMatchObject({ online: true, phase: 'sending' });
  });
});

describe('RT3 every send has a time limit', () => {
  test('after it the request is aborted, the outcome unknown, a late answer ignored, and the same key sent', async () => {
    const { client, line, clock, settle, server } = await start({ timeoutMs: 5_000 });
    client.insert(todos, todo('a'));
    await settle();
    await clock.advance(5_000);
    expect(line.pushes[0]?.signal.aborted).toBe(true);
    expect(client.pending()[0]?.failureReason?.code).toBe('TIMEOUT');
    await clock.advance(1_000);
    await line.pushes[0]?.pass(); // it had arrived; nobody listens to this answer any more
    expect(client.pending()).toHaveLength(1);
    await line.pushes[1]?.pass();
    expect([line.pushes[1]?.keys, client.pending().length, server.timesApplied('t1')]).toEqual([
      ['t1.0'],
      0,
      1,
    ]);
  });
});

describe('RT7 dead letters', () => {
  test('survive a restart, tell what was refused and why, and are gone once discarded', async () => {
    const device = createDevice();
    device.server.refuse(() => ({ status: 422, title: 'Too long' }));
    const first = device.open();
    const { token } = first.insert(todos, todo('a'));
    await device.settle();
    await first.dispose();
    const second = device.open();
    await device.settle();
    expect(second.deadLetters()).toMatchObject([
      {
        token,
        name: '@insert',
        variables: todo('a'),
        changes: [{ kind: 'insert', id: 'a' }],
        history: [],
        needsAttention: false,
        error: { code: 'REFUSED', status: 422 },
        refusedAt: device.clock.now(),
      },
    ]);
    expect([second.status.get().failed, second.entityStatus(todos, 'a')]).toEqual([1, 'failed']);
    await second.discard(token);
    await second.discard('never heard of');
    expect([second.deadLetters(), second.status.get().failed]).toEqual([[], 0]);
    await second.dispose();
    const third = device.open();
    await device.settle();
    expect(third.deadLetters()).toEqual([]);
  });
});

describe('RT8 one error, and its cause', () => {
  const own = (mutationFn: DefinitionOptions<string, unknown>['mutationFn'] & {}) =>
    defineMutation({ name: 'own', optimistic: (tx, id: string) => tx.insert(todos, todo(id)), mutationFn });

  test('a mutationFn that throws text: retried, and the text is kept', async () => {
    const definition = own(() => {
      throw 'boom' as unknown;
    });
    const { client, settle } = await startClient({ mutations: [definition] });
    client.mutate(definition, 'a');
    client.insert(todos, todo('b'));
    await settle();
    expect(client.pending()).toMatchObject([
      { state: 'waiting', failureReason: { code: 'UNCLASSIFIED', recovery: 'retry', cause: 'boom' } },
    ]);
    expect(client.status.get().pending).toBe(1);
  });

  test('what was thrown with a status is the cause of the refusal', async () => {
    const thrown = Object.assign(new Error('Conflict'), { status: 409 });
    const definition = own(() => Promise.reject(thrown));
    const { client, settle } = await startClient({ mutations: [definition] });
    const { confirmed } = client.mutate(definition, 'a');
    await settle();
    await expect(confirmed).rejects.toMatchObject({ code: 'CONFLICT', status: 409, cause: thrown });
  });
});

test('OS3 a mutation that failed and then succeeded is not called delayed after it was confirmed', async () => {
  const { client, line, clock, settle } = await start();
  const log: string[] = [];
  client.on('mutation.delayed', ({ token, attempts }) => log.push(`delayed ${token} ${attempts}`));
  client.on('mutation.confirmed', ({ token }) => log.push(`confirmed ${token}`));
  client.insert(todos, todo('a'));
  await settle();
  await line.pushes[0]?.answer(lost);
  await clock.advance(1_000);
  await line.pushes[1]?.pass();
  expect(log).toEqual(['delayed t1 1', 'confirmed t1']);
});

test('OS1 nextAttemptAt tells of the network that came back', async () => {
  const { client, line, settle, connectivity, clock } = await start();
  client.insert(todos, todo('a'));
  await settle();
  await line.pushes[0]?.answer(answered(503, { retryAfterMs: 10_000 }));
  expect(client.pending()[0]?.nextAttemptAt).toBe(clock.now() + 10_500);
  connectivity.wake();
  expect(client.pending()[0]?.nextAttemptAt).toBe(clock.now() + 10_000);
});
