import { describe, expect, onTestFinished, test } from 'vitest';
import { createMemoryDisk } from '../../src/adapters/memoryStorage.js';
import { systemClock } from '../../src/adapters/systemClock.js';
import {
  createSyncClient,
  defineCollection,
  defineMutation,
  memoryStorage,
  restTransport,
  type RestResource,
  type RestTransportOptions,
  type SyncClientOptions,
} from '../../src/core.js';
import {
  createNetwork,
  startFeathers,
  startGuardedServer,
  startJsonServer,
  type RestServer,
} from './restServers.js';

interface Todo {
  id: string;
  title: string;
  done?: boolean;
  place?: { lat: number; lng?: number };
  listId?: string;
}
const todos = defineCollection<Todo>({ name: 'todos', key: 'id' });

/** A device whose app can be closed and opened again. */
function createDevice(server: RestServer, options: Partial<RestTransportOptions> = {}) {
  const disk = createMemoryDisk();
  const network = createNetwork();
  return {
    network,
    open(own: Partial<SyncClientOptions> = {}) {
      const sync = createSyncClient({
        name: 'rest',
        collections: [todos],
        storage: memoryStorage({ disk }),
        connectivity: network.connectivity,
        transport: restTransport({ url: server.url, fetch: network.fetch, ...options }),
        retry: { baseMs: 1, capMs: 1 },
        random: () => 0,
        ...own,
      });
      onTestFinished(() => sync.dispose());
      return sync;
    },
  };
}

describe('json-server: the ids of clients, JSON bodies, no keys and no conditions', () => {
  const plain = { resources: { todos: { contentType: 'application/json' } } };

  test('OB1 what was created, edited and deleted offline is on the server afterwards', async () => {
    const server = await startJsonServer({ todos: [] });
    const { network, open } = createDevice(server, plain);
    const before = open();
    for (const id of ['a', 'b', 'c']) before.insert(todos, { id, title: id, done: false });
    await before.flush();
    network.connectivity.setOnline(false);
    before.insert(todos, { id: 'd', title: 'd' });
    before.update(todos, 'a', { title: 'A' });
    before.update(todos, 'a', (draft) => {
      delete draft.done;
      draft.place = { lat: 0 };
    });
    const last = before.delete(todos, 'b');
    await last.enqueued;
    await before.dispose();
    expect(await server.read('/todos')).toHaveLength(3);

    const after = open();
    await after.ready;
    expect(after.query(todos, { orderBy: 'id' }).map(({ title }) => title)).toEqual(['A', 'c', 'd']);
    network.connectivity.setOnline(true);
    await after.flush();
    expect(await server.read('/todos')).toEqual([
      { id: 'a', title: 'A', done: null, place: { lat: 0 } },
      { id: 'c', title: 'c', done: false },
      { id: 'd', title: 'd' },
    ]);
    expect(after.query(todos)).toEqual(await server.read('/todos'));
    expect(after.status.get()).toMatchObject({ pending: 0, failed: 0 });
  });

  test.each(['POST', 'PATCH', 'DELETE'])('RT3 a lost answer to %s doubles nothing', async (method) => {
    const server = await startJsonServer({ todos: [] });
    const { network, open } = createDevice(server, plain);
    const sync = open();
    void network.loseAnswer(new RegExp(`^${method}`));
    await sync.insert(todos, { id: 'a', title: 'a' }).confirmed;
    await sync.update(todos, 'a', { title: 'A' }).confirmed;
    expect(await server.read('/todos')).toEqual([{ id: 'a', title: 'A' }]);
    await sync.delete(todos, 'a').confirmed;
    expect(await server.read('/todos')).toEqual([]);
    const lines = ['POST /todos', 'PATCH /todos/a', 'DELETE /todos/a'];
    const again = { POST: 'GET /todos/a', PATCH: 'PATCH /todos/a', DELETE: 'DELETE /todos/a' }[method]!;
    expect(network.lines).toEqual(
      lines.flatMap((line) => (line.startsWith(method) ? [line, again] : [line])),
    );
  });

  test('RT3 nor does one that was lost with the app', async () => {
    const server = await startJsonServer({ todos: [] });
    const { network, open } = createDevice(server, plain);
    const before = open();
    const lost = network.loseAnswer(/^POST/).then(() => network.connectivity.setOnline(false));
    before.insert(todos, { id: 'a', title: 'a' });
    await lost;
    await before.dispose();
    network.connectivity.setOnline(true);
    await open().flush();
    expect(await server.read('/todos')).toEqual([{ id: 'a', title: 'a' }]);
    expect(network.lines.filter((line) => line.startsWith('POST'))).toHaveLength(1);
  });

  test('LF3 hostile ids name rows, not addresses', async () => {
    const ids = ['../x', 'a/b?c#d', '__proto__', 'ü 😀', '%2e%2e'];
    const server = await startJsonServer({ todos: [] });
    const sync = createDevice(server, plain).open();
    for (const id of ids) sync.insert(todos, { id, title: 'a' });
    await sync.flush();
    for (const id of ids) sync.update(todos, id, { title: id });
    await sync.flush();
    const rows = (await server.read('/todos')) as Todo[];
    expect(new Map(rows.map(({ id, title }) => [id, title]))).toEqual(new Map(ids.map((id) => [id, id])));
    for (const id of ids) sync.delete(todos, id);
    await sync.flush();
    expect(await server.read('/todos')).toEqual([]);
    await expect(sync.insert(todos, { id: '..', title: 'a' }).confirmed).rejects.toMatchObject({
      code: 'INVALID_ID',
    });
  });

  test('CF6 PUT sends whole rows: fields that are gone are gone', async () => {
    const server = await startJsonServer({ todos: [] });
    const { network, open } = createDevice(server, { resources: { todos: { update: 'PUT' } } });
    const sync = open();
    await sync.insert(todos, { id: 'a', title: 'a', done: true, place: { lat: 1, lng: 1 } }).confirmed;
    await sync.update(todos, 'a', (draft) => {
      delete draft.done;
      delete draft.place?.lng;
    }).confirmed;
    expect(await server.read('/todos')).toEqual([{ id: 'a', title: 'a', place: { lat: 1 } }]);
    expect(network.lines).toEqual(['POST /todos', 'PUT /todos/a']);
  });

  test('RT1 a merge patch, which this server does not read, is refused and not lost', async () => {
    const server = await startJsonServer({ todos: [] });
    const sync = createDevice(server).open();
    await sync.insert(todos, { id: 'a', title: 'a' }).confirmed;
    const error = await sync.update(todos, 'a', { title: 'A' }).confirmed.catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'REFUSED', status: 415 });
    expect(String(error)).toContain('set contentType of "todos"');
    expect(sync.deadLetters()).toHaveLength(1);
    expect(sync.get(todos, 'a')).toEqual({ id: 'a', title: 'a' });
  });

  test('RT1 an update of what is gone is refused; a delete of it is done', async () => {
    const server = await startJsonServer({ todos: [] });
    const sync = createDevice(server, plain).open();
    for (const id of ['a', 'b']) {
      await sync.insert(todos, { id, title: id }).confirmed;
      await fetch(`${server.url}/todos/${id}`, { method: 'DELETE' });
    }
    await expect(sync.update(todos, 'a', { title: 'A' }).confirmed).rejects.toMatchObject({ status: 404 });
    await sync.delete(todos, 'b').confirmed;
    expect([sync.get(todos, 'a'), sync.get(todos, 'b')]).toEqual([undefined, undefined]);
  });

  test('ST5 a mutation of two rows is refused with the way out', async () => {
    const both = defineMutation({
      name: 'both',
      optimistic: (tx, ids: string[]) => {
        for (const id of ids) tx.insert(todos, { id, title: id });
      },
    });
    const server = await startJsonServer({ todos: [] });
    const sync = createDevice(server, plain).open({ mutations: [both] });
    await expect(sync.mutate(both, ['a', 'b']).confirmed).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining('mutationFn') as string,
    });
    expect(await server.read('/todos')).toEqual([]);
    expect(sync.query(todos)).toEqual([]);
  });
});

describe('an API with versions and write times', () => {
  type Stamped = Todo & { readonly rev?: number; readonly updatedAt?: string };
  const stamped = defineCollection<Stamped>({ name: 'todos', key: 'id' });
  const hour = 3_600_000;

  /** A device whose clock is three hours slow, and a server whose clock both are told. */
  async function start(timeOf?: RestResource['timeOf']) {
    let time = Date.UTC(2026, 10, 28, 12);
    const server = await startGuardedServer({ todos: [] }, () => time);
    const versionOf = ({ rev }: Stamped): number | undefined => rev;
    const resource: RestResource = {
      contentType: 'application/json',
      versionOf,
      ...(timeOf !== undefined && { timeOf }),
    };
    const device = createDevice(server, { resources: { todos: resource } });
    const sync = device.open({
      collections: [stamped],
      clock: { ...systemClock(), now: () => time - 3 * hour },
    });
    await sync.insert(stamped, { id: 'a', title: 'milk' }).confirmed;
    return {
      sync,
      server,
      pass: (ms: number) => void (time += ms),
      elsewhere: (title: string) =>
        fetch(`${server.url}/todos/a`, {
          method: 'PATCH',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ title }),
        }),
      async titles(): Promise<unknown[]> {
        const { title } = (await server.read('/todos/a')) as Todo;
        return [title, sync.get(stamped, 'a')?.title, sync.deadLetters().map(({ error }) => error.code)];
      },
    };
  }

  test.each([
    ['a field', ({ updatedAt }: Stamped) => updatedAt],
    ['Last-Modified', undefined],
  ] as const)('CF2 lastWriteWins by %s: the later write stays', async (_where, timeOf) => {
    const { sync, pass, elsewhere, titles } = await start(timeOf);
    pass(10_000);
    sync.pause();
    const early = sync.update(stamped, 'a', { title: 'early' });
    pass(10_000);
    await elsewhere('theirs');
    sync.resume();
    await expect(early.confirmed).rejects.toMatchObject({ code: 'CONFLICT', details: { reason: 'chosen' } });
    expect(await titles()).toEqual(['theirs', 'theirs', ['CONFLICT']]);

    sync.pause();
    pass(10_000);
    await elsewhere('theirs again');
    pass(10_000);
    const late = sync.update(stamped, 'a', { title: 'late' });
    sync.resume();
    await late.confirmed;
    expect(await titles()).toEqual(['late', 'late', ['CONFLICT']]);
  });

  test('CF2 within the second of Last-Modified nobody is certainly later: the server', async () => {
    const { sync, pass, elsewhere, titles } = await start();
    sync.pause();
    pass(10_000);
    await elsewhere('theirs');
    pass(900);
    const same = sync.update(stamped, 'a', { title: 'same second' });
    sync.resume();
    await expect(same.confirmed).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await titles()).toEqual(['theirs', 'theirs', ['CONFLICT']]);
  });
});

describe('Feathers: ids of its own, numbers, from 0', () => {
  interface List {
    id: string;
    title: string;
  }
  const lists = defineCollection<List>({ name: 'lists', key: 'id', serverIds: true });
  const todos = defineCollection<Todo>({
    name: 'todos',
    key: 'id',
    serverIds: true,
    references: { listId: 'lists' },
  });
  /** The client's id goes along as `ref`, by which a create is found again whose answer was lost. */
  const byRef = (service: string): RestResource => ({
    contentType: 'application/json',
    toBody: ({ id, ...fields }: { id?: string | null }, { kind }) =>
      kind === 'insert' ? { ...fields, ref: id } : fields,
    findCreated: async ({ ref }: { ref: string }, get) => ((await get([service], { ref })) as unknown[])[0],
  });
  const options: Partial<RestTransportOptions> = {
    safety: 'none',
    resources: { lists: byRef('lists'), todos: byRef('todos') },
  };
  const open = (device: ReturnType<typeof createDevice>) => device.open({ collections: [lists, todos] });

  test('ID1 a reply tells which id the server gave', async () => {
    const { url } = await startFeathers('todos');
    const transport = restTransport({ url, ...options });
    const change = { kind: 'insert', collection: 'todos', id: 'c1', row: { id: 'c1', title: 'A' } } as const;
    const body = transport.encode({ token: 't', rev: 0, changes: [change], command: undefined, after: [] });
    const { signal } = new AbortController();
    expect(await transport.push([{ token: 't', rev: 0, body, resent: false }], { signal })).toMatchObject([
      {
        status: 201,
        rows: [{ id: '0', row: { id: '0', title: 'A', ref: 'c1' } }],
        ids: [{ collection: 'todos', from: 'c1', to: '0' }],
      },
    ]);
  });

  test('ID1 created, edited, referred to and deleted offline, across a reload', async () => {
    const server = await startFeathers('lists', 'todos');
    const device = createDevice(server, options);
    const { connectivity } = device.network;
    const before = open(device);
    before.insert(todos, { id: 'other', title: 'other' });
    await before.flush();
    connectivity.setOnline(false);
    before.insert(lists, { id: 'l', title: 'list' });
    before.insert(todos, { id: 't', title: 'todo', listId: 'l' });
    before.update(lists, 'l', { title: 'List' });
    before.update(todos, 't', { title: 'Todo' });
    await before.delete(todos, 'other').enqueued;
    await before.dispose();

    const after = open(device);
    await after.ready;
    expect(after.query(todos)).toEqual([{ id: 't', title: 'Todo', listId: 'l' }]);
    after.update(todos, 't', { done: true });
    connectivity.setOnline(true);
    await after.flush();
    expect(await server.read('/lists')).toEqual([{ id: 0, title: 'List', ref: 'l' }]);
    expect(await server.read('/todos')).toEqual([
      { id: 1, title: 'Todo', listId: '0', done: true, ref: 't' },
    ]);
    expect(after.query(todos)).toMatchObject([{ id: '1', title: 'Todo', listId: '0', done: true }]);
    expect(after.get(todos, 't')).toEqual(after.get(todos, '1'));
    await after.update(todos, 't', { title: 'by its old id' }).confirmed;
    expect(await server.read('/todos/1')).toMatchObject({ title: 'by its old id' });
    expect(after.status.get()).toMatchObject({ pending: 0, failed: 0 });
  });

  test('RT3 a lost answer doubles nothing: the row is found by what was sent', async () => {
    const server = await startFeathers('todos');
    const device = createDevice(server, options);
    const sync = open(device);
    void device.network.loseAnswer(/^POST/);
    await sync.insert(todos, { id: 't', title: 'once' }).confirmed;
    expect(await server.read('/todos')).toEqual([{ id: 0, title: 'once', ref: 't' }]);
    expect(sync.query(todos)).toMatchObject([{ id: '0', title: 'once' }]);
    expect(device.network.lines).toEqual(['POST /todos', 'GET /todos']);
  });
});
