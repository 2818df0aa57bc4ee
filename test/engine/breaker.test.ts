import { describe, expect, test } from 'vitest';
import { defineMutation } from '../../src/domain/definition.js';
import type { SyncClient } from '../../src/engine/client.js';
import type { SyncClientOptions } from '../../src/engine/options.js';
import type { Transport } from '../../src/engine/ports.js';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { createFaultyTransport } from '../../src/testing/faultyTransport.js';
import { answered, createDevice, todos, type DeviceOptions } from './testClient.js';

const todo = (id: string) => ({ id, title: id });
/** How long it stays open: 30 s, and half of the fifth that is added at random. */
const OPEN_MS = 33_000;

/** A server that cannot be reached, and a client that has ten failures behind it. */
async function start(own: Partial<SyncClientOptions> = {}, of: DeviceOptions = {}) {
  const device = createDevice(of);
  const { clock, server } = device;
  const line = createFaultyTransport({ transport: server, clock, offline: true });
  const client = device.open({ transport: line, ...own });
  const events = breakerEvents(client, device.clock);
  client.insert(todos, todo('a'));
  await clock.advance(7_500);
  /** When each request was sent, since the breaker opened. */
  const sent = () => line.log.slice(10).map(({ kind, at }) => `${kind} ${at - 7_500}`);
  return { ...device, client, line, events, sent };
}

function breakerEvents(client: SyncClient, clock: { now(): number }): string[] {
  const events: string[] = [];
  client.on('breaker.opened', ({ until }) => events.push(`opened for ${until - clock.now()}`));
  client.on('breaker.halfOpened', () => events.push('half-opened'));
  client.on('breaker.closed', () => events.push('closed'));
  return events;
}

describe('RT4 the circuit breaker', () => {
  test('opens at ten failures within a minute, pulls counted, and says until when', async () => {
    const { client, line, events, clock } = await start();
    expect(line.log.map(({ kind, at }) => `${kind} ${at}`).sort()).toEqual(
      [0, 500, 1_500, 3_500, 7_500].flatMap((at) => [`pull ${at}`, `push ${at}`]).sort(),
    );
    expect([events, client.status.get().breaker]).toEqual([
      [`opened for ${OPEN_MS}`],
      { state: 'open', until: clock.now() + OPEN_MS },
    ]);
  });

  test('while it is open nothing is sent, whoever asks', async () => {
    const { client, clock, sent, connectivity } = await start();
    client.insert(todos, todo('b'), { priority: 'critical' });
    connectivity.wake();
    const { pulled } = await client.sync();
    await clock.advance(OPEN_MS - 1);
    expect([pulled?.kind, sent()]).toEqual(['failed', []]);
    expect(client.pending().map(({ token }) => token)).toEqual(['t1', 't2']);
  });

  test('then one request tries; when it fails it is open as long again', async () => {
    const { client, clock, sent, events } = await start();
    for (const id of ['b', 'c', 'd']) client.insert(todos, todo(id));
    await clock.advance(2 * OPEN_MS - 1);
    expect(sent()).toHaveLength(1);
    await clock.advance(1);
    expect(sent()).toHaveLength(2);
    expect(events).toEqual([
      `opened for ${OPEN_MS}`,
      'half-opened',
      `opened for ${OPEN_MS}`,
      'half-opened',
      `opened for ${OPEN_MS}`,
    ]);
  });

  test('when that one succeeds it closes, and everything goes', async () => {
    const { client, clock, line, server, events } = await start();
    for (const id of ['b', 'c']) client.insert(todos, todo(id));
    line.set({ offline: false });
    await clock.advance(OPEN_MS + 20_000);
    expect(events.slice(1)).toEqual(['half-opened', 'closed']);
    expect([client.status.get().breaker, client.pending()]).toEqual([{ state: 'closed' }, []]);
    expect([...server.rows('todos').keys()].sort()).toEqual(['a', 'b', 'c']);
  });

  test('while it is tried nothing else is sent', async () => {
    const { client, clock, line, sent } = await start();
    line.set({ offline: false, latencyMs: 4_000 });
    client.insert(todos, todo('b'));
    await clock.advance(OPEN_MS + 2_000);
    expect([sent().length, client.status.get().breaker.state]).toEqual([1, 'half-open']);
    await clock.advance(10_000);
    expect(client.status.get().breaker.state).toBe('closed');
  });

  test('RT5 when the network is back it begins anew: what failed before may have been the network', async () => {
    const { client, clock, connectivity, line, sent, events } = await start({ retry: { spreadMs: 10_000 } });
    connectivity.setOnline(false);
    client.insert(todos, todo('b'), { priority: 'critical' });
    await clock.advance(10_000);
    line.set({ offline: false });
    connectivity.setOnline(true);
    expect([events[1], client.status.get().breaker]).toEqual(['closed', { state: 'closed' }]);
    await clock.advance(4_999);
    expect(sent()).toEqual(['push 10000']);
    await clock.advance(1);
    expect(sent().filter((one) => one.startsWith('push'))).toEqual(['push 10000', 'push 15000']);
    expect(client.pending()).toEqual([]);
  });

  test('RT5 and for who starts without the network, even where nothing is pulled', async () => {
    const device = createDevice();
    const { clock, connectivity } = device;
    const line = createFaultyTransport({ transport: device.server, clock, offline: true });
    const transport: Transport = { ...line };
    delete transport.pull;
    const first = device.open({ transport, breaker: { failures: 2 } });
    first.insert(todos, todo('a'));
    await clock.advance(2_000);
    expect(first.status.get().breaker.state).toBe('open');
    await first.dispose();
    connectivity.setOnline(false);
    const next = device.open({ transport });
    const events = breakerEvents(next, clock);
    await clock.advance(1_000);
    line.set({ offline: false });
    connectivity.setOnline(true);
    await device.settle();
    expect([events, next.status.get().breaker, next.pending()]).toEqual([
      ['closed'],
      { state: 'closed' },
      [],
    ]);
  });

  test('RT5 and so does its count', async () => {
    const device = createDevice();
    const { clock, connectivity } = device;
    const line = createFaultyTransport({ transport: device.server, clock, offline: true });
    const client = device.open({ transport: line });
    const events = breakerEvents(client, clock);
    client.insert(todos, todo('a'));
    await clock.advance(3_500);
    expect(line.log).toHaveLength(8);
    connectivity.setOnline(false);
    connectivity.setOnline(true);
    await clock.advance(3_500);
    expect([events, line.log.length >= 10]).toEqual([[], true]);
  });

  test('a server that fails at reads only gets what is to be sent: pulls do not take every probe', async () => {
    const device = createDevice();
    const { clock } = device;
    let reads = 0;
    const client = device.open({
      transport: {
        ...device.server,
        pull() {
          reads++;
          return Promise.resolve({ kind: 'failed', reply: answered(500) as never });
        },
      },
      breaker: { failures: 3, openMs: 5_000 },
      retry: { baseMs: 100, capMs: 100 },
    });
    const events = breakerEvents(client, clock);
    await clock.advance(1_000);
    expect([reads, events]).toEqual([3, ['opened for 5500']]);
    client.insert(todos, todo('a'));
    await clock.advance(5_000);
    expect([client.pending(), events.slice(1, 3)]).toEqual([[], ['half-opened', 'closed']]);
    const before = reads;
    await clock.advance(20_000);
    expect(reads - before).toBe(3); // with nothing to send, a pull finds out
  });

  test('ten failures in more than a minute do not open it', async () => {
    const { client, line, settle, clock, open } = await start();
    await client.dispose();
    const slow = open({ transport: line, name: 'slow', retry: { baseMs: 30_000, capMs: 30_000 } });
    const before = line.log.length;
    const events = breakerEvents(slow, clock);
    slow.insert(todos, todo('a'));
    await settle();
    await clock.advance(300_000);
    expect([events, line.log.length - before > 20]).toEqual([[], true]);
  });

  test('a refusal or a 429 is no failure of the server', async () => {
    const device = createDevice();
    device.server.refuse((op) => op.kind === 'insert' && (op.id === 'busy' ? 429 : 422));
    const client = device.open({ transport: { ...device.server } });
    const events = breakerEvents(client, device.clock);
    client.insert(todos, todo('busy'));
    for (let i = 0; i < 20; i++) client.insert(todos, todo(`bad${i}`));
    await device.clock.advance(60_000);
    expect([events, client.deadLetters().length]).toEqual([[], 20]);
  });

  test.each([
    ['the rest of the time', 0, OPEN_MS - 10_000],
    ['no longer, when the clock was set back by a day', -86_400_000, 36_000],
    ['not at all, when it was set forward by a day', 86_400_000, 0],
  ])('its state survives a reload: %s', async (_name, jump, rest) => {
    const { client, clock, line, open, sent } = await start();
    await clock.advance(10_000);
    await client.dispose();
    clock.jump(jump);
    const next = open({ transport: line });
    const reopened = clock.monotonic();
    await next.ready;
    if (rest > 0) expect(next.status.get().breaker).toEqual({ state: 'open', until: clock.now() + rest });
    await clock.advance(rest + 20);
    expect(sent().map((at) => Number(at.split(' ')[1]) + 7_500 - reopened)).toEqual([rest]);
    line.set({ offline: false });
    await clock.advance(60_000);
    expect([next.pending(), next.status.get().breaker]).toEqual([[], { state: 'closed' }]);
  });

  test('OS1 every tab shows it', async () => {
    const device = createDevice();
    const line = createFaultyTransport({ transport: device.server, clock: device.clock, offline: true });
    const leader = device.open({ transport: line });
    await device.settle();
    const other = device.open({ transport: line });
    leader.insert(todos, todo('a'));
    await device.clock.advance(7_500);
    expect(leader.status.get().breaker.state).toBe('open');
    expect(other.status.get().breaker).toEqual(leader.status.get().breaker);
    line.set({ offline: false });
    await device.clock.advance(60_000);
    expect([leader, other].map((tab) => tab.status.get().breaker.state)).toEqual(['closed', 'closed']);
  });

  test('TB2 the next leader keeps to it', async () => {
    const device = createDevice();
    const line = createFaultyTransport({ transport: device.server, clock: device.clock, offline: true });
    const leader = device.open({ transport: line });
    await device.settle();
    const other = device.open({ transport: line });
    await device.settle();
    device.connectivity.wake();
    leader.insert(todos, todo('a'));
    await device.clock.advance(7_500);
    const before = line.log.length;
    await leader.dispose();
    await device.clock.advance(OPEN_MS - 1);
    expect([line.log.length - before, other.status.get().breaker.state]).toEqual([0, 'open']);
  });

  test('each own function has its own: one that fails does not stop the others', async () => {
    const device = createDevice();
    const own = (name: string, mutationFn: (id: string) => Promise<void>) =>
      defineMutation({ name, mutationFn, optimistic: (tx, id: string) => tx.insert(todos, todo(id)) });
    let calls = 0;
    const ill = own('ill', () => {
      calls++;
      return Promise.reject(new TypeError('Failed to fetch'));
    });
    const well = own('well', () => Promise.resolve());
    const client = device.open({ mutations: [ill, well], retry: { baseMs: 100, capMs: 100 } });
    const routes: string[] = [];
    client.on('breaker.opened', ({ route }) => routes.push(route));
    client.mutate(ill, 'a');
    await device.clock.advance(20_000);
    client.mutate(well, 'b');
    client.insert(todos, todo('c'));
    await device.settle();
    expect([routes, calls, client.pending().map(({ name }) => name)]).toEqual([['ill'], 10, ['ill']]);
  });

  test('of several that could go, one tries', async () => {
    const device = createDevice();
    const calls: string[] = [];
    const ill = defineMutation({
      name: 'ill',
      optimistic: (tx, id: string) => tx.insert(todos, todo(id)),
      mutationFn: (id) => {
        calls.push(id);
        return Promise.reject(new TypeError('Failed to fetch'));
      },
    });
    const client = device.open({ mutations: [ill], retry: { baseMs: 100, capMs: 100 } });
    for (const id of ['a', 'b', 'c']) client.mutate(ill, id);
    await device.clock.advance(20_000);
    const before = calls.length;
    await device.clock.advance(OPEN_MS);
    expect([calls.length - before, client.pending().length]).toEqual([1, 3]);
  });
});

describe('RT2 a server that says how much is left', () => {
  test('is not asked again before it has something left: neither push nor pull', async () => {
    const device = createDevice();
    let pulls = 0;
    const times: number[] = [];
    const client = device.open({
      pollMs: 1_000,
      transport: {
        ...device.server,
        push(ops) {
          times.push(device.clock.monotonic());
          return Promise.resolve(ops.map(() => answered(200, { restMs: 5_000 })));
        },
        pull(request) {
          pulls++;
          return device.server.pull(request);
        },
      },
    });
    await device.clock.advance(500);
    pulls = 0;
    client.insert(todos, todo('a'));
    await device.settle();
    client.insert(todos, todo('b'), { priority: 'critical' });
    device.connectivity.wake();
    await device.clock.advance(4_999);
    expect([times, pulls]).toEqual([[500], 0]);
    await device.clock.advance(1);
    expect(times).toEqual([500, 5_500]);
  });

  test('a later, shorter wish does not shorten an earlier one', async () => {
    const device = createDevice();
    const times: number[] = [];
    const pulls: number[] = [];
    const client = device.open({
      retry: { baseMs: 1, capMs: 1 },
      pollMs: 1_000,
      transport: {
        ...device.server,
        push(ops) {
          times.push(device.clock.monotonic());
          return Promise.resolve(ops.map(() => answered(503, { retryAfterMs: 20_000 })));
        },
        async pull() {
          pulls.push(device.clock.monotonic());
          await device.clock.sleep(3_000); // begun before, answered after
          return { kind: 'failed', reply: answered(503, { retryAfterMs: 1_000 }) as never };
        },
      },
    });
    client.insert(todos, todo('a'));
    await device.clock.advance(19_999);
    expect([times, pulls]).toEqual([[0], [0]]);
    await device.clock.advance(1);
    expect(pulls).toEqual([0, 20_000]);
  });
});

test('NQ1 a page that came before the platform lost the network proves nothing of it afterwards', async () => {
  const device = createDevice();
  const { clock, connectivity } = device;
  const storage = memoryStorage();
  const write: typeof storage.write = async (what) => {
    await clock.sleep(500);
    return storage.write(what);
  };
  let pages = 0;
  const client = device.open({
    storage: { ...storage, write },
    transport: {
      ...device.server,
      snapshots: false,
      async pull(request) {
        pages++;
        const reply = await device.server.pull(request);
        return reply.kind === 'page' ? { ...reply, page: { ...reply.page, upToDate: true } } : reply;
      },
    },
  });
  await clock.advance(100);
  connectivity.setOnline(false);
  await clock.advance(1_000);
  expect([pages, client.status.get().online]).toEqual([1, false]);
});
