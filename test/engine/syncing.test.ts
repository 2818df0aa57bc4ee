import { describe, expect, test } from 'vitest';
import type { ChangeSource, PullReply, PullRequest, Transport } from '../../src/engine/ports.js';
import { createDevice, lost, outcomeOf, todos } from './testClient.js';

const row = (id: string): { id: string; title: string } => ({ id, title: id });

/** A device whose pulls are counted, and wait for the test while `held`. */
async function start(options: { readonly rows?: number; readonly realtime?: ChangeSource } = {}) {
  const device = createDevice({ pageSize: 2 });
  for (let i = 0; i < (options.rows ?? 1); i++) device.server.put('todos', `r${i}`, row(`r${i}`));
  const line = { held: false, asked: [] as string[], aborted: 0, pass: [] as (() => void)[] };
  const transport: Transport = {
    ...device.server,
    pull: (request: PullRequest) => {
      const { cursor, snapshot, signal } = request;
      line.asked.push(snapshot === undefined ? `since ${cursor}` : `rows ${snapshot.page}`);
      if (!line.held) return device.server.pull(request);
      signal.addEventListener('abort', () => line.aborted++);
      return new Promise<PullReply>((resolve) => {
        const page = device.server.pull(request); // as it is when the request arrives
        line.pass.push(() => resolve(page));
      });
    },
  };
  const client = device.open({ transport, ...(options.realtime && { realtime: options.realtime }) });
  const log: string[] = [];
  for (const event of ['sync.started', 'sync.completed', 'sync.failed', 'sync.cancelled'] as const)
    client.on(event, ({ direction }) => log.push(`${event} ${direction}`));
  await device.settle();
  line.asked.length = log.length = 0;
  return { ...device, client, line, log };
}

describe('PL3 sync()', () => {
  test('sends, then reads, and says what was done', async () => {
    const { client, server, log } = await start();
    server.put('todos', 'b', row('b'));
    client.insert(todos, row('mine'));
    expect(await client.sync()).toMatchObject({
      status: 'completed',
      summary: { confirmed: 1 },
      pulled: { kind: 'up-to-date', rows: 2, pages: 1 },
    });
    expect(log).toEqual([
      'sync.started push',
      'sync.completed push',
      'sync.started pull',
      'sync.completed pull',
    ]);
  });

  test('one direction only', async () => {
    const { client, log, line } = await start();
    expect(await client.sync({ direction: 'push' })).toMatchObject({
      status: 'completed',
      pulled: undefined,
    });
    expect([line.asked, log]).toEqual([[], ['sync.started push', 'sync.completed push']]);
    await client.sync({ direction: 'pull' });
    expect(line.asked).toEqual(['since e1.1']);
  });

  test('calls at one time share the requests', async () => {
    const { client, line } = await start();
    const all = await Promise.all([1, 2, 3].map(() => client.sync({ direction: 'pull' })));
    expect(line.asked).toEqual(['since e1.1']);
    expect(all.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
  });

  test('a call during the last request is not answered by what that may have missed', async () => {
    const { client, line, server, settle } = await start();
    line.held = true;
    const first = client.sync({ direction: 'pull' });
    await settle();
    server.put('todos', 'b', row('b'));
    const second = client.sync({ direction: 'pull' });
    const third = client.sync({ direction: 'pull' });
    await settle();
    line.held = false;
    line.pass.shift()?.();
    await first;
    expect(client.get(todos, 'b')).toBeUndefined();
    await Promise.all([second, third]);
    expect([client.get(todos, 'b'), line.asked.length]).toEqual([row('b'), 2]);
  });

  test('full reads everything again, takes out what is not there, and is joined by a delta', async () => {
    const { client, line, server } = await start({ rows: 3 });
    server.put('todos', 'r1', undefined);
    const [full] = await Promise.all([
      client.sync({ direction: 'pull', operation: 'full' }),
      client.sync({ direction: 'pull' }),
    ]);
    expect(line.asked).toEqual(['rows undefined', 'since e1.4']);
    expect(full.pulled).toEqual({ kind: 'up-to-date', rows: 2, pages: 2, verified: 'equal' });
    expect(client.query(todos).map(({ id }) => id)).toEqual(['r0', 'r2']);
  });

  test('says when it is not done here', async () => {
    const device = createDevice();
    const [first, second] = [device.open(), device.open()];
    await device.settle();
    const elsewhere = second.sync();
    await device.clock.advance(100);
    expect((await elsewhere).status).toBe('elsewhere');
    first.pause();
    expect((await first.sync()).status).toBe('paused');
  });

  test('a pull that failed is told, and its cause', async () => {
    const device = createDevice();
    const transport: Transport = {
      ...device.server,
      pull: () => Promise.resolve({ kind: 'failed', reply: lost as never }),
    };
    const client = device.open({ transport });
    const log: string[] = [];
    client.on('sync.failed', ({ error }) => log.push(error.code));
    await device.settle();
    expect(await client.sync()).toMatchObject({ status: 'failed', pulled: { error: { code: 'NETWORK' } } });
    expect(log).toContain('NETWORK');
  });

  test.each([
    [{ direction: 'up' }, /direction must be one of push, pull, both, received the string "up"/],
    [{ operation: 'all' }, /operation must be one of delta, full/],
    [{ direction: 'push', operation: 'full' }, /operation of a push must be one of delta/],
    [{ priority: 'urgent' }, /priority must be one of critical, high, .*, received the string "urgent"/],
    [{ direction: 'pull', priority: 'high' }, /priority of a pull must be one of absent/],
    [{ collections: 'todos' }, /collections must be one of an array, received the string "todos"/],
    [
      { collections: [{ name: 'x' }] },
      /each of collections must be one of todos, lists, received the string "x"/,
    ],
    [{ collections: [undefined] }, /each of collections must be one of todos, lists, received undefined/],
  ])('%o is refused at the call', async (request, message) => {
    const { client } = await start();
    await expect(client.sync(request as never)).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('PL2 a session is cancelled', () => {
  const reason = new Error('enough');

  test('at any page: the request ends, what is stored stays, and the next one goes on from there', async () => {
    for (let page = 0; page < 4; page++) {
      const { client, line, log, settle } = await start({ rows: 5 });
      line.held = true;
      const stop = new AbortController();
      const call = outcomeOf(
        client.sync({ direction: 'pull', operation: 'full', signal: stop.signal }).catch((error: unknown) => {
          expect(error).toBe(reason);
        }),
      );
      await settle();
      for (let i = 0; i < page; i++) {
        line.pass.shift()?.();
        await settle();
      }
      stop.abort(reason);
      await settle();
      expect([call.now, line.aborted, log]).toEqual([
        'resolved',
        1,
        ['sync.started pull', 'sync.cancelled pull'],
      ]);
      const [open] = line.asked.slice(-1);
      line.held = false;
      line.asked.length = 0;
      await client.sync({ direction: 'pull' });
      expect([line.asked[0], client.query(todos).length]).toEqual([open, 5]);
    }
  });

  test('before it begins, and while it pushes', async () => {
    const { client, line, log, settle } = await start();
    const gone = AbortSignal.abort(reason);
    await expect(client.sync({ signal: gone })).rejects.toBe(reason);
    expect([line.asked, log]).toEqual([[], []]);
    const device = createDevice();
    const hanging = device.open({
      transport: { ...device.server, push: () => new Promise(() => undefined) },
    });
    await device.settle();
    hanging.insert(todos, row('a'));
    const cancelled: string[] = [];
    hanging.on('sync.cancelled', ({ direction }) => cancelled.push(direction));
    const stop = new AbortController();
    const call = hanging.sync({ signal: stop.signal }).catch((error: unknown) => error);
    await device.settle();
    stop.abort(reason);
    expect([await call, cancelled, hanging.pending().length]).toEqual([reason, ['push'], 1]);
    await settle();
  });

  test('for one caller only, while others wait for it', async () => {
    const { client, line, log, settle } = await start();
    line.held = true;
    const stop = new AbortController();
    const one = client.sync({ direction: 'pull', signal: stop.signal }).catch((error: unknown) => error);
    const other = client.sync({ direction: 'pull' });
    await settle();
    stop.abort(reason);
    expect([await one, line.aborted]).toEqual([reason, 0]);
    line.pass.shift()?.();
    expect((await other).status).toBe('completed');
    expect(log).toEqual(['sync.started pull', 'sync.completed pull']);
  });
});

describe('RL1 realtime', () => {
  function source() {
    const told: { poke: () => void; connected: (is: boolean) => void } = {
      poke: () => undefined,
      connected: () => undefined,
    };
    const realtime: ChangeSource = {
      listen(poke, _signal, connected) {
        Object.assign(told, { poke, connected });
      },
    };
    return { realtime, told };
  }

  const polls = async (advance: () => Promise<void>, asked: string[]): Promise<number> => {
    asked.length = 0;
    await advance();
    return asked.length;
  };

  test('while it is connected there is a tenth of the polls, and a poke is a pull', async () => {
    const { realtime, told } = source();
    const { client, line, clock, settle, server } = await start({ realtime });
    const quarter = (): Promise<void> => clock.advance(900_000);
    expect(await polls(quarter, line.asked)).toBe(30);
    told.connected(true);
    told.poke();
    await settle();
    expect(await polls(quarter, line.asked)).toBe(3);
    server.put('todos', 'b', row('b'));
    told.poke();
    await settle();
    expect(client.get(todos, 'b')).toEqual(row('b'));
  });

  test('when it breaks off, polls come as often as before at once; doubled pokes are one pull', async () => {
    const { realtime, told } = source();
    const { line, clock, settle } = await start({ realtime });
    told.connected(true);
    told.poke();
    await settle();
    line.asked.length = 0;
    told.connected(false);
    told.connected(false);
    for (let i = 0; i < 100; i++) told.poke();
    await settle();
    expect(line.asked).toHaveLength(1);
    expect(await polls(() => clock.advance(900_000), line.asked)).toBe(30);
  });
});
