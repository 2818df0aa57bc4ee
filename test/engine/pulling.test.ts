import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import type { SyncError } from '../../src/domain/errors.js';
import type { PullProgress } from '../../src/domain/session.js';
import type { PullReply, PullRequest, Transport } from '../../src/engine/ports.js';
import { createScriptedServer } from '../../src/testing/scriptedServer.js';
import {
  createDevice,
  deaf,
  everybody,
  todos,
  watchedStorage,
  type Device,
  type DeviceOptions,
} from './testClient.js';

const row = (id: string, title = id): { id: string; title: string } => ({ id, title });

/** A device whose server has `count` rows, and whose pulls are seen. */
function deviceWith(count: number, options: DeviceOptions = {}) {
  const device = createDevice({ pageSize: 2, ...options });
  for (let i = 0; i < count; i++) device.server.put('todos', `r${i}`, row(`r${i}`));
  const asked: string[] = [];
  /** Answers instead of the server. */
  let instead: ((request: PullRequest) => Promise<PullReply> | undefined) | undefined;
  const transport: Transport = {
    ...device.server,
    pull(request) {
      asked.push(placeOf(request));
      return instead?.(request) ?? device.server.pull(request);
    },
  };
  return {
    ...device,
    asked,
    answer: (by: typeof instead) => (instead = by),
    open: (own: Parameters<Device['open']>[0] = {}) => device.open({ transport, ...own }),
  };
}

const placeOf = ({ cursor, snapshot }: PullRequest): string =>
  snapshot === undefined ? `since ${cursor}` : `rows ${snapshot.page}`;

const never = new Promise<never>(() => undefined);

describe.each([true, false])('PL1 everything is read, with snapshots: %s', (snapshots) => {
  test('what was deleted while the feed began anew goes, in one step, and the view is never empty', async () => {
    const { server, open, settle, clock } = deviceWith(5, { snapshots });
    const client = open({ realtime: server.changes });
    await settle();
    const counts: number[] = [];
    client.subscribe(todos, undefined, () => counts.push(client.query(todos).length));
    client.pause();
    client.update(todos, 'r4', { title: 'mine' });
    for (const id of ['r0', 'r1', 'r2']) server.put('todos', id, undefined);
    server.put('todos', 'r9', row('r9'));
    server.expireCursors();
    client.resume();
    await clock.advance(1_000);
    expect(client.query(todos).map(({ id }) => id)).toEqual(['r3', 'r4', 'r9']);
    expect([client.get(todos, 'r4')?.title, server.get('todos', 'r4')?.['title']]).toEqual(['mine', 'mine']);
    // The new row comes with its page; three go at once, with the last.
    expect(counts.filter((count, i) => count !== counts[i - 1])).toEqual(snapshots ? [5, 6, 3] : [5, 3]);
  });

  test('a kill at any page, and the next session goes on from there', async () => {
    for (let kill = 1; kill <= 5; kill++) {
      const device = deviceWith(5, { snapshots });
      const first = device.open();
      await device.settle();
      await first.dispose();
      for (const id of ['r0', 'r1']) device.server.put('todos', id, undefined);
      device.server.put('todos', 'r9', row('r9'));
      device.server.expireCursors();

      let pages = 0;
      device.answer(() => (++pages > kill ? never : undefined));
      const killed = device.open({ tabs: deaf, lease: everybody });
      await device.settle();
      const shown = killed.query(todos).map(({ id }) => id);
      expect(shown.length, 'never empty').toBeGreaterThanOrEqual(4);
      const before = device.asked.length;
      device.answer(undefined);
      const next = device.open({ tabs: deaf, lease: everybody }); // the other one hangs, as a dead tab does
      await device.settle();
      expect(next.query(todos).map(({ id }) => id)).toEqual(['r2', 'r3', 'r4', 'r9']);
      const again = device.asked.slice(before)[0];
      if (pages > kill) expect(again, `after ${kill}`).toBe(device.asked[before - 1]);
      await next.dispose();
    }
  });

  test('what was confirmed while the last page was under way is not taken for forgotten', async () => {
    const device = deviceWith(3, { snapshots });
    const { server, settle, answer, open } = device;
    const client = open();
    await settle();
    server.expireCursors();
    let late: (() => void) | undefined;
    answer((request) => {
      if (request.snapshot !== undefined || late !== undefined) return undefined;
      if (!snapshots && request.cursor !== 'e2.2') return undefined;
      return new Promise((resolve) => {
        // The page is read now, and on its way while the row is inserted.
        const page = server.pull(request);
        late = () => resolve(page);
      });
    });
    const counts: number[] = [];
    const pull = client.sync({ direction: 'pull' });
    await settle();
    expect(late).toBeDefined();
    client.subscribe(todos, 'mine', () => counts.push(client.query(todos).length));
    client.insert(todos, row('mine'));
    await settle();
    expect(client.pending()).toEqual([]);
    late?.();
    await pull;
    expect([client.query(todos).length, counts]).toEqual([4, [4]]);
  });
});

test('PL1 rows that never came from this feed are not judged by it', async () => {
  const device = deviceWith(1);
  const client = device.open({
    transport: {
      ...device.server,
      push: (ops) => Promise.resolve(ops.map(() => ({ kind: 'answer', status: 200, rows: [] }))),
    },
  });
  await device.settle();
  client.insert(todos, row('elsewhere')); // accepted without a row, and without a version
  await device.settle();
  device.server.expireCursors();
  await client.sync({ direction: 'pull' });
  expect(client.query(todos).map(({ id }) => id)).toEqual(['r0', 'elsewhere']);
});

test('PL1 where the database is another one, its rows count, whatever their versions', async () => {
  const old = createDevice();
  for (const title of ['one', 'two', 'three']) old.server.put('todos', 'a', row('a', title));
  old.server.put('todos', 'b', row('b'));
  const before = old.open();
  await old.settle();
  await before.dispose();
  const restored = createScriptedServer();
  restored.put('todos', 'a', row('a', 'one'));
  let isFirst = true;
  const after = old.open({
    transport: {
      ...restored,
      pull: (request) => {
        if (!isFirst) return restored.pull(request);
        isFirst = false;
        return Promise.resolve({ kind: 'resync', elsewhere: true });
      },
    },
  });
  await old.settle();
  expect(after.query(todos)).toEqual([row('a', 'one')]);
  restored.put('todos', 'b', row('b', 'again'));
  await after.sync({ direction: 'pull' });
  expect(after.get(todos, 'b')).toEqual(row('b', 'again'));
});

describe('PL1 a server that errs', () => {
  async function failing(by: (request: PullRequest) => PullReply) {
    const device = deviceWith(3);
    const client = device.open();
    await device.settle();
    const errors: SyncError[] = [];
    client.on('sync.failed', ({ error }) => errors.push(error));
    client.pause();
    client.update(todos, 'r0', { title: 'mine' });
    await device.settle();
    device.answer((request) => Promise.resolve(by(request)));
    const before = device.asked.length;
    client.resume();
    const { pulled } = await client.sync({ direction: 'pull' });
    return { client, errors, asked: device.asked.slice(before), pulled };
  }
  const code = { kind: 'failed', error: { code: 'UNEXPECTED_RESPONSE' } };

  test('and asks for a full read again and again is not asked for ever', async () => {
    const { client, asked, pulled } = await failing(() => ({ kind: 'resync' }));
    expect(pulled).toMatchObject(code);
    expect(asked.slice(0, 2)).toEqual(['since e1.3', 'rows undefined']);
    expect([client.query(todos).length, client.get(todos, 'r0')?.title]).toEqual([3, 'mine']);
  });

  test('and leads in a circle is not followed', async () => {
    let turn = 0;
    const { client, pulled, asked } = await failing(() => ({
      kind: 'page',
      page: { changes: [], cursor: `c${turn++ % 2}`, upToDate: false },
    }));
    expect(pulled).toMatchObject(code);
    expect(asked.length).toBeLessThan(10);
    expect(client.query(todos)).toHaveLength(3);
  });

  test('and repeats rows within a page and across pages shows each once', async () => {
    const device = deviceWith(2);
    const client = device.open();
    await device.settle();
    const told = { collection: 'todos', id: 'r0', row: row('r0', 'new'), version: 2, op: undefined };
    let pages = 0;
    device.answer(() =>
      Promise.resolve({
        kind: 'page',
        page: {
          changes: [told, told, { ...told, version: 1 }],
          cursor: `x${++pages}`,
          upToDate: pages === 2,
        },
      }),
    );
    const seen: (string | undefined)[] = [];
    client.subscribe(todos, 'r0', () => seen.push(client.get(todos, 'r0')?.title));
    await client.sync({ direction: 'pull' });
    expect([seen, client.query(todos).length]).toEqual([['new'], 2]);
  });
});

test('PL2 a page that cannot be stored leaves neither rows nor cursor; it is asked for again', async () => {
  const device = deviceWith(4);
  const storage = watchedStorage(memoryStorage({ disk: device.disk }));
  let failures = 1;
  storage.fail = (write) =>
    (write.put?.rows?.some(({ key }) => key === 'todos/r2') ?? false) && failures-- > 0;
  const client = device.open({ storage });
  await device.settle();
  expect(client.query(todos)).toHaveLength(2);
  await device.clock.advance(2_000);
  expect(client.query(todos)).toHaveLength(4);
  expect(device.asked.slice(0, 3)).toEqual(['rows undefined', 'rows e1.4.todos/r1', 'rows e1.4.todos/r1']);
});

test('PL2 progress is told at every phase and page, after what it tells of is stored', async () => {
  const device = deviceWith(5);
  const client = device.open();
  const log: string[] = [];
  client.on('sync.progress', ({ phase, operation, pages, rows }: PullProgress) =>
    log.push(`${phase} ${operation} ${pages} ${rows} ${client.query(todos).length}`),
  );
  await device.settle();
  expect(log).toEqual([
    'validate delta 0 0 0',
    'prepare full 0 0 0',
    'execute full 1 2 2',
    'execute full 2 4 4',
    'execute full 3 5 5',
    'execute full 4 5 5',
    'verify full 4 5 5',
    'cleanup full 4 5 5',
  ]);
});

test('OB7 rows that cannot be read are removed and asked of the server again', async () => {
  const { open, settle, disk, asked } = deviceWith(3);
  const first = open();
  await settle();
  await first.dispose();
  const memory = memoryStorage({ disk });
  let cannotRead = true;
  const storage = watchedStorage({
    ...memory,
    async load(since?: number) {
      const state = await memory.load(since);
      if (!cannotRead) return state;
      cannotRead = false;
      const unreadable = [{ table: 'rows' as const, key: 'packs 1', cause: new Error('damaged') }];
      return { ...state, rows: new Map(), unreadable };
    },
  });
  const client = open({ storage });
  const quarantined: string[] = [];
  client.on('storage.quarantined', ({ what }) => quarantined.push(what));
  client.pause();
  await settle();
  asked.length = 0;
  expect([client.query(todos), quarantined]).toEqual([[], ['rows packs 1']]);
  const [removing] = storage.writes;
  expect(removing?.remove).toEqual({ unreadableRows: ['packs 1'] });
  client.resume();
  await settle();
  expect(asked[0]).toBe('rows undefined');
  expect(client.query(todos).map(({ id }) => id)).toEqual(['r0', 'r1', 'r2']);
});
