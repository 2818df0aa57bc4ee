import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { defineCollection } from '../../src/domain/collection.js';
import type { ConflictStrategy } from '../../src/domain/conflictStrategy.js';
import type { Row } from '../../src/domain/entity.js';
import { defineMutation } from '../../src/domain/definition.js';
import { mergeFields } from '../../src/domain/conflictStrategy.js';
import type { SyncClient } from '../../src/engine/client.js';
import type { SyncClientOptions } from '../../src/engine/options.js';
import type { SealedOp, StorageWrite } from '../../src/engine/ports.js';
import type { WireOp } from '../../src/testing/scriptedServer.js';
import { answered, createDevice, lists, outcomeOf, type Device, type Todo } from './testClient.js';
import { logged } from './wireLog.js';

const milk = { id: 'a', title: 'milk', done: false };

interface World extends Device {
  readonly client: SyncClient;
  readonly todos: ReturnType<typeof todosWith>;
  readonly requests: readonly (readonly string[])[];
  /** Somebody else writes, a second later than everything before. */
  elsewhere(row: Row | undefined): Promise<void>;
  /** A second goes by, and what waits is sent. */
  send(): Promise<void>;
}

const todosWith = (conflict?: ConflictStrategy<Todo>) =>
  defineCollection<Todo>({ name: 'todos', key: 'id', ...(conflict !== undefined && { conflict }) });

/** A paused client that knows a row, whose edits meet those of others. */
async function start(
  conflict?: ConflictStrategy<Todo>,
  own: Partial<SyncClientOptions> = {},
): Promise<World> {
  const device = createDevice();
  const { server, clock, settle } = device;
  server.put('todos', 'a', milk);
  const todos = todosWith(conflict);
  const line = logged(server);
  const client = device.open({ collections: [todos, lists], transport: line, ...own });
  await settle();
  client.pause();
  return {
    ...device,
    client,
    todos,
    requests: line.requests,
    async elsewhere(row) {
      await clock.advance(1_000);
      server.put('todos', 'a', row);
      await clock.advance(1_000);
    },
    async send() {
      client.resume();
      await settle();
    },
  };
}

/** What is called is sent ten seconds later: until then, others write, and that is pulled. */
const later = { sendAfter: 10_000 };
async function pullFirst({ client, clock }: World): Promise<void> {
  client.resume();
  await client.sync({ direction: 'pull' });
  await clock.advance(10_000);
}

const letters = (client: SyncClient): unknown[] =>
  client.deadLetters().map(({ token, error }) => [token, error.code, error.details['reason']]);

describe('CF1 updates and deletes say what they were based on', () => {
  test('an update, a delete, a row that the server never had', async () => {
    const ops: WireOp[] = [];
    const { client, todos, send, server } = await start();
    server.refuse((op) => void ops.push(op));
    client.update(todos, 'a', { title: 'oat' });
    client.insert(todos, { id: 'b', title: 'new' });
    await send();
    client.delete(todos, 'a');
    client.delete(todos, 'b');
    await send();
    expect(ops.map((op) => [op.kind, 'ifVersion' in op ? op.ifVersion : undefined])).toEqual([
      ['update', 1],
      ['insert', undefined],
      ['delete', 2],
      ['delete', 1],
    ]);
  });

  test('what waits behind another of its row follows that one: no false conflict', async () => {
    const rename = defineMutation({
      name: 'rename',
      optimistic: (tx, title: string) => tx.update(todosWith(), 'a', { title }),
    });
    const { client, todos, send, server, requests } = await start(undefined, { mutations: [rename] });
    client.update(todos, 'a', { title: 'one' });
    client.mutate(rename, 'two');
    client.update(todos, 'a', { title: 'three' });
    await send();
    expect(requests).toHaveLength(1);
    expect(server.get('todos', 'a')).toEqual({ ...milk, title: 'three' });
    expect(letters(client)).toEqual([]);
  });
});

describe('CF3 what does not meet is merged', () => {
  test('another field: sent again under a new key, whatever the strategy', async () => {
    const { client, todos, elsewhere, send, server, requests } = await start('serverWins');
    const { confirmed } = client.update(todos, 'a', { title: 'oat' });
    await elsewhere({ ...milk, done: true });
    await send();
    await confirmed;
    expect(server.get('todos', 'a')).toEqual({ ...milk, title: 'oat', done: true });
    expect(requests).toEqual([['t1.0 update a {"title":"oat"}'], ['t1.1 update a {"title":"oat"}']]);
  });

  test('what others wrote is pulled before it is sent: nothing is in its way', async () => {
    const world = await start();
    const { client, todos, elsewhere, server, requests } = world;
    client.update(todos, 'a', { title: 'oat' }, later);
    await elsewhere({ ...milk, done: true });
    await pullFirst(world);
    expect(server.get('todos', 'a')).toEqual({ ...milk, title: 'oat', done: true });
    expect(requests).toHaveLength(1);
  });

  test('the same edit by another is a duplicate; so is an insert; a delete of what is gone is done', async () => {
    const { client, todos, elsewhere, send, server } = await start('serverWins');
    const same = client.update(todos, 'a', { title: 'oat' });
    const inserted = client.insert(todos, { id: 'b', title: 'b' });
    server.put('todos', 'b', { id: 'b', title: 'b', n: 1 });
    await elsewhere({ ...milk, title: 'oat', done: true });
    await send();
    await Promise.all([same.confirmed, inserted.confirmed]);
    const gone = client.delete(todos, 'a');
    await elsewhere(undefined);
    await send();
    await gone.confirmed;
    expect([letters(client), server.get('todos', 'b')]).toEqual([[], { id: 'b', title: 'b', n: 1 }]);
  });

  test('several that went as one stay one, and go again under a key of their own', async () => {
    const { client, todos, elsewhere, send, server, requests } = await start();
    client.update(todos, 'a', { title: 'o' });
    const last = client.update(todos, 'a', { title: 'oat' });
    await elsewhere({ ...milk, done: true });
    await send();
    await last.confirmed;
    expect(requests).toEqual([['t3.0 update a {"title":"oat"}'], ['t4.0 update a {"title":"oat"}']]);
    expect(server.get('todos', 'a')).toEqual({ ...milk, title: 'oat', done: true });
  });

  test('a named mutation is run again on what the server has, also where its value is there', async () => {
    const add = defineMutation({
      name: 'add',
      optimistic: (tx, by: number) =>
        tx.update(todosWith(), 'a', (draft) => void (draft.n = (draft.n ?? 0) + by)),
    });
    const { client, elsewhere, send, server } = await start('clientWins', { mutations: [add] });
    const { confirmed } = client.mutate(add, 1);
    await elsewhere({ ...milk, n: 1 });
    await send();
    await confirmed;
    expect(server.get('todos', 'a')).toEqual({ ...milk, n: 2 });
  });

  test('behind one that is sent again, the rest of its lane goes again after it', async () => {
    const rename = defineMutation({
      name: 'rename',
      optimistic: (tx, title: string) => tx.update(todosWith(), 'a', { title }),
    });
    const { client, todos, elsewhere, send, server, requests } = await start('clientWins', {
      mutations: [rename],
    });
    client.update(todos, 'a', { n: 1 });
    client.mutate(rename, 'two');
    const last = client.update(todos, 'a', { n: 3 });
    await elsewhere({ ...milk, done: true });
    await send();
    await last.confirmed;
    expect(server.get('todos', 'a')).toEqual({ ...milk, done: true, title: 'two', n: 3 });
    expect(requests).toEqual([
      ['t1.0 update a {"n":1}', 't2.0 update a {"title":"two"}', 't3.0 update a {"n":3}'],
      ['t1.1 update a {"n":1}', 't2.1 update a {"title":"two"}', 't3.1 update a {"n":3}'],
    ]);
  });
});

test('CF3 what was answered for an insert that met another goes again, after it', async () => {
  const rename = defineMutation({
    name: 'rename',
    optimistic: (tx, title: string) => tx.update(todosWith(), 'b', { title }),
  });
  const { client, todos, send, server, requests } = await start('clientWins', { mutations: [rename] });
  client.insert(todos, { id: 'b', title: 'mine' });
  const { confirmed } = client.mutate(rename, 'renamed');
  server.put('todos', 'b', { id: 'b', title: 'theirs', n: 1 });
  await send();
  await confirmed;
  expect(server.get('todos', 'b')).toEqual({ id: 'b', title: 'renamed', n: 1 });
  expect(requests[1]).toEqual(['t1.1 update b {"title":"mine"}', 't2.1 update b {"title":"renamed"}']);
});

describe('CF2 one field, two values', () => {
  test('lastWriteWins: the later one, by the clock of the server', async () => {
    const { client, todos, elsewhere, send, server, clock } = await start();
    const early = outcomeOf(client.update(todos, 'a', { title: 'early' }).confirmed);
    await elsewhere({ ...milk, title: 'rye' });
    await send();
    expect([early.now, client.get(todos, 'a')?.title, letters(client)]).toEqual([
      'rejected CONFLICT',
      'rye',
      [['t1', 'CONFLICT', 'chosen']],
    ]);
    client.pause();
    await elsewhere({ ...milk, title: 'soy' });
    await clock.advance(1_000);
    const late = outcomeOf(client.update(todos, 'a', { title: 'late' }).confirmed);
    await send();
    expect([late.now, server.get('todos', 'a')?.['title']]).toEqual(['resolved', 'late']);
  });

  test('an edit that a pull has shown to be outdated is judged all the same, not let through', async () => {
    const world = await start();
    const { client, todos, elsewhere, server } = world;
    client.update(todos, 'a', { title: 'early' }, later);
    await elsewhere({ ...milk, title: 'rye' });
    await pullFirst(world);
    expect([server.get('todos', 'a')?.['title'], letters(client)]).toEqual([
      'rye',
      [['t1', 'CONFLICT', 'chosen']],
    ]);
  });

  test('one edit upon another of this client is none, whatever the server made of the first', async () => {
    const world = await start('serverWins');
    const { client, todos, server, requests } = world;
    server.refuse((op) => {
      if (op.kind === 'update' && op.patch['title'] === 'oat ') Object.assign(op.patch, { title: 'oat' });
      return undefined;
    });
    client.update(todos, 'a', { title: 'oat ' });
    client.update(todos, 'a', { title: 'oat milk' }, later);
    await pullFirst(world);
    expect(requests.flat()).toEqual(['t1.0 update a {"title":"oat "}', 't2.0 update a {"title":"oat milk"}']);
    expect([server.get('todos', 'a')?.['title'], letters(client)]).toEqual(['oat milk', []]);
  });

  test.each([
    ['serverWins', 'rye', 'rejected CONFLICT'],
    ['clientWins', 'oat', 'resolved'],
    [mergeFields<Todo>({ fields: { title: 'clientWins' } }), 'oat', 'resolved'],
    [() => 'server', 'rye', 'rejected CONFLICT'],
    [
      (_base, mine, theirs) => ({ ...theirs!, title: `${mine!.title} and ${theirs!.title}` }),
      'oat and rye',
      'resolved',
    ],
    [
      (_base, mine, theirs) => Promise.resolve({ ...theirs!, title: `${mine!.title} or ${theirs!.title}` }),
      'oat or rye',
      'resolved',
    ],
  ] as readonly [ConflictStrategy<Todo>, string, string][])('%s: %s', async (strategy, title, outcome) => {
    const { client, todos, elsewhere, send, server } = await start(strategy);
    const { now } = await (async () => {
      const said = outcomeOf(client.update(todos, 'a', { title: 'oat', n: 1 }).confirmed);
      await elsewhere({ ...milk, title: 'rye', done: true });
      await send();
      return said;
    })();
    expect([now, server.get('todos', 'a')?.['title'], client.get(todos, 'a')?.title]).toEqual([
      outcome,
      title,
      title,
    ]);
    expect(server.get('todos', 'a')?.['done']).toBe(true);
  });

  test('a definition says it for itself', async () => {
    const rename = defineMutation({
      name: 'rename',
      conflict: 'clientWins',
      optimistic: (tx, title: string) => tx.update(todosWith(), 'a', { title }),
    });
    const { client, elsewhere, send, server } = await start('serverWins', { mutations: [rename] });
    client.mutate(rename, 'oat');
    await elsewhere({ ...milk, title: 'rye' });
    await send();
    expect(server.get('todos', 'a')?.['title']).toBe('oat');
  });

  test('what a resolver made of a named mutation is sent as it is', async () => {
    const rename = defineMutation({
      name: 'rename',
      conflict: (_base: unknown, mine: Todo, theirs: Todo) => ({ ...theirs, title: `${mine.title}!` }),
      optimistic: (tx, title: string) => tx.update(todosWith(), 'a', { title }),
    });
    const { client, elsewhere, send, server } = await start('serverWins', { mutations: [rename] });
    client.mutate(rename, 'oat');
    await elsewhere({ ...milk, title: 'rye' });
    await send();
    expect(server.get('todos', 'a')?.['title']).toBe('oat!');
  });

  test('while a resolver thinks, only its lane waits', async () => {
    let answer: (row: Todo) => void = () => undefined;
    const { client, todos, elsewhere, send, server, settle } = await start(
      () => new Promise<Todo>((resolve) => (answer = resolve)),
    );
    client.update(todos, 'a', { title: 'oat' });
    await elsewhere({ ...milk, title: 'rye' });
    await send();
    client.update(todos, 'a', { done: true });
    client.insert(todos, { id: 'b', title: 'b' });
    await settle();
    expect([server.get('todos', 'b')?.['title'], server.get('todos', 'a')?.['done']]).toEqual(['b', false]);
    expect([client.entityStatus(todos, 'a'), client.status.get().sending]).toEqual(['sending', 1]);
    answer({ ...milk, title: 'both' });
    await settle();
    expect(server.get('todos', 'a')).toEqual({ ...milk, title: 'both', done: true });
  });
});

describe('RD5 one side has deleted', () => {
  test('the row: who wins has the whole row, or none', async () => {
    const wins = await start('clientWins');
    wins.client.update(wins.todos, 'a', { title: 'oat' });
    await wins.elsewhere(undefined);
    await wins.send();
    expect(wins.server.get('todos', 'a')).toEqual({ ...milk, title: 'oat' });

    const loses = await start('serverWins');
    loses.client.update(loses.todos, 'a', { title: 'oat' });
    await loses.elsewhere(undefined);
    await loses.send();
    expect([loses.client.get(loses.todos, 'a'), letters(loses.client)]).toEqual([
      undefined,
      [['t1', 'CONFLICT', 'chosen']],
    ]);
  });

  test('a row that a pull has shown to be gone comes back as a whole', async () => {
    const { client, todos, elsewhere, server, settle } = await start('clientWins');
    client.update(todos, 'a', { title: 'oat' });
    await elsewhere(undefined);
    client.resume();
    await client.sync({ direction: 'pull' });
    await settle();
    expect([server.get('todos', 'a'), client.get(todos, 'a')]).toEqual([
      { ...milk, title: 'oat' },
      { ...milk, title: 'oat' },
    ]);
  });

  test('a delete of what another has changed', async () => {
    const wins = await start('clientWins');
    wins.client.delete(wins.todos, 'a');
    await wins.elsewhere({ ...milk, title: 'rye' });
    await wins.send();
    expect(wins.server.get('todos', 'a')).toBeUndefined();

    const loses = await start('serverWins');
    loses.client.delete(loses.todos, 'a');
    await loses.elsewhere({ ...milk, title: 'rye' });
    await loses.send();
    expect(loses.client.get(loses.todos, 'a')?.title).toBe('rye');
  });
});

describe('CF4 ask', () => {
  /** A conflict that the user has not decided yet, and an edit of another field behind it. */
  async function asked(conflict: ConflictStrategy<Todo> = 'ask', own: Partial<SyncClientOptions> = {}) {
    const world = await start(conflict, own);
    const { client, todos, elsewhere, send, settle } = world;
    const log: string[] = [];
    client.on('conflict.asked', ({ entry }) => log.push(`asked ${entry.token}`));
    client.on('conflict.resolved', ({ entry }) => log.push(`${entry.outcome} ${entry.token}`));
    const first = outcomeOf(client.update(todos, 'a', { title: 'oat' }).confirmed);
    await elsewhere({ ...milk, title: 'rye' });
    await send();
    client.update(todos, 'a', { n: 1 });
    client.insert(todos, { id: 'b', title: 'b' });
    await settle();
    return { ...world, log, first };
  }

  test('parks only its lane, keeps the value, and lists the conflict', async () => {
    const { client, todos, server, first, log } = await asked();
    expect([first.now, log]).toEqual(['rejected CONFLICT', ['asked t1']]);
    expect(client.get(todos, 'a')).toEqual({ ...milk, title: 'oat', n: 1 });
    expect([server.get('todos', 'b')?.['title'], server.get('todos', 'a')]).toEqual([
      'b',
      { ...milk, title: 'rye' },
    ]);
    expect(client.conflicts()).toMatchObject([
      {
        id: 't1',
        tokens: ['t1'],
        name: '@update',
        error: undefined,
        rows: [
          {
            collection: 'todos',
            id: 'a',
            base: milk,
            mine: { ...milk, title: 'oat' },
            theirs: { ...milk, title: 'rye' },
            diff: [{ field: 'title', base: 'milk', mine: 'oat', theirs: 'rye', contested: true }],
          },
        ],
      },
    ]);
    expect(client.conflicts()).toBe(client.conflicts());
    expect([client.conflicts({ id: 'a' }).length, client.conflicts({ id: 'b' }).length]).toEqual([1, 0]);
    expect(client.status.get()).toMatchObject({
      phase: 'pending',
      conflicts: 1,
      needsAttention: 0,
      failed: 1,
      pending: 1,
    });
    expect([client.entityStatus(todos, 'a'), client.pending({ token: 't1' })[0]?.state]).toEqual([
      'conflict',
      'conflict',
    ]);
    expect(client.deadLetters()).toMatchObject([{ token: 't1', needsAttention: false, conflict: 't1' }]);
  });

  test.each([
    ['mine', { ...milk, title: 'oat', n: 1 }],
    ['theirs', { ...milk, title: 'rye', n: 1 }],
    [{ fields: { title: 'oat and rye' } }, { ...milk, title: 'oat and rye', n: 1 }],
    [{ rows: { 'todos/a': 'mine' } }, { ...milk, title: 'oat', n: 1 }],
  ] as const)('resolve with %j', async (resolution, row) => {
    const { client, todos, server, settle } = await asked();
    const handle = client.resolve('t1', resolution);
    await settle();
    await handle.confirmed;
    expect([server.get('todos', 'a'), client.get(todos, 'a')]).toEqual([row, row]);
    expect([client.conflicts(), client.deadLetters(), client.pending()]).toEqual([[], [], []]);
    expect(client.status.get()).toMatchObject({ phase: 'synced', conflicts: 0 });
  });

  test('what does not fit is refused, and the conflict stays', async () => {
    const { client } = await asked();
    expect(() => client.resolve('t1', { fields: {} })).toThrow('no value for title');
    expect(() => client.resolve('t9', 'mine')).toThrow('is not the id of a conflict');
    expect(client.conflicts()).toHaveLength(1);
  });

  test('survives a reload, and another tab sees and resolves it', async () => {
    const { client, todos, open, settle, server } = await asked();
    const options = { collections: [todos, lists], transport: server };
    const other = open(options);
    await settle();
    expect(other.conflicts()).toMatchObject([{ id: 't1', rows: [{ theirs: { title: 'rye' } }] }]);
    await client.dispose();
    await other.dispose();
    const [again, beside] = [open(options), open(options)];
    await settle();
    expect([again.get(todos, 'a')?.title, again.status.get().conflicts]).toEqual(['oat', 1]);
    await beside.resolve('t1', 'mine').confirmed;
    await settle();
    expect([server.get('todos', 'a'), again.conflicts()]).toEqual([{ ...milk, title: 'oat', n: 1 }, []]);
  });

  test('retry means mine, discard means theirs', async () => {
    const mine = await asked();
    await mine.client.retry('t1').confirmed;
    await mine.settle();
    expect(mine.server.get('todos', 'a')?.['title']).toBe('oat');
    const theirs = await asked();
    await theirs.client.discard('t1');
    await theirs.settle();
    expect([theirs.server.get('todos', 'a'), theirs.client.conflicts()]).toEqual([
      { ...milk, title: 'rye', n: 1 },
      [],
    ]);
  });

  test.each([
    ['mine', 'oat'],
    ['theirs', 'rye'],
    [{ fields: { title: 'both' } }, 'both'],
    ['retry', 'oat'],
    ['discard', 'rye'],
  ] as const)('several that went as one are one conflict: %j', async (how, title) => {
    const { client, todos, elsewhere, send, server, settle } = await start('ask');
    client.update(todos, 'a', { title: 'o' });
    client.update(todos, 'a', { title: 'oat', n: 2 });
    await elsewhere({ ...milk, title: 'rye' });
    await send();
    const [conflict] = client.conflicts();
    expect([client.conflicts().length, conflict?.tokens]).toEqual([1, ['t1', 't2']]);
    if (how === 'discard') await client.discard('t2');
    else await (how === 'retry' ? client.retry('t2') : client.resolve(conflict!.id, how)).confirmed;
    await settle();
    const n = title === 'rye' ? {} : { n: 2 };
    expect([server.get('todos', 'a'), client.get(todos, 'a')]).toEqual([
      { ...milk, title, ...n },
      { ...milk, title, ...n },
    ]);
    expect([client.conflicts(), client.deadLetters(), client.pending()]).toEqual([[], [], []]);
  });

  test('what others write while the user is asked is shown, and is what the decision is about', async () => {
    const { client, todos, elsewhere, settle, server, requests } = await asked();
    const { rows: before } = client.conflicts()[0]!;
    let told = 0;
    client.watchMutations(() => (told += 1));
    await elsewhere({ ...milk, title: 'soy', done: true });
    await client.sync({ direction: 'pull' });
    await settle();
    expect(before).toMatchObject([{ theirs: { title: 'rye' } }]);
    expect([told > 0, client.conflicts()]).toMatchObject([
      true,
      [{ rows: [{ theirs: { title: 'soy', done: true }, diff: [{ theirs: 'soy' }, { field: 'done' }] }] }],
    ]);
    expect(client.conflicts()).toBe(client.conflicts());
    const sent = requests.length;
    await client.resolve('t1', 'mine').confirmed;
    await settle();
    const row = { ...milk, title: 'oat', done: true, n: 1 };
    expect([server.get('todos', 'a'), client.get(todos, 'a'), client.conflicts()]).toEqual([row, row, []]);
    expect(requests.slice(sent)).toEqual([['t4.0 update a {"title":"oat","n":1}']]);
    expect(client.audit().at(-1)?.rows).toMatchObject([{ theirs: { row: { title: 'soy' } } }]);
  });

  test('the row has been deleted meanwhile: mine is the whole row again', async () => {
    const { client, todos, elsewhere, settle, server } = await asked();
    await elsewhere(undefined);
    await client.sync({ direction: 'pull' });
    await settle();
    expect(client.conflicts()).toMatchObject([{ rows: [{ mine: { title: 'oat' }, theirs: undefined }] }]);
    await client.resolve('t1', 'mine').confirmed;
    await settle();
    const row = { ...milk, title: 'oat', n: 1 };
    expect([server.get('todos', 'a'), client.get(todos, 'a')]).toEqual([row, row]);
  });

  test('what the user has not seen yet when deciding is asked anew', async () => {
    const { client, todos, elsewhere, settle, server } = await asked();
    await elsewhere({ ...milk, title: 'soy' });
    const second = outcomeOf(client.resolve('t1', 'mine').confirmed);
    await settle();
    expect([second.now, server.get('todos', 'a')?.['title'], client.get(todos, 'a')?.title]).toEqual([
      'rejected CONFLICT',
      'soy',
      'oat',
    ]);
    expect(client.conflicts()).toMatchObject([{ rows: [{ theirs: { title: 'soy' } }] }]);
  });

  test('a decision is about what was shown when it was made, not what was being stored then', async () => {
    let whileStoring = (): void => undefined;
    const stored = memoryStorage();
    const storage = {
      ...stored,
      write(write: StorageWrite) {
        if (write.put?.meta?.some(({ key }) => key === 'cursor') === true) whileStoring();
        return stored.write(write);
      },
    };
    const { client, elsewhere, settle, server } = await asked('ask', { storage });
    await elsewhere({ ...milk, title: 'soy' });
    whileStoring = () => {
      whileStoring = () => undefined;
      client.resolve('t1', 'mine');
    };
    await client.sync({ direction: 'pull' });
    await settle();
    expect(server.get('todos', 'a')?.['title']).toBe('soy');
    expect(client.conflicts()).toMatchObject([
      { rows: [{ mine: { title: 'oat' }, theirs: { title: 'soy' } }] },
    ]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['answers nonsense', () => 7 as never],
    ['never answers', () => new Promise<never>(() => undefined)],
  ] as readonly [string, ConflictStrategy<Todo>][])('a resolver that %s asks', async (_how, resolver) => {
    const { client, clock } = await asked(resolver);
    await clock.advance(30_000);
    expect(client.conflicts()).toMatchObject([{ id: 't1', error: { code: 'RESOLVER_FAILED' } }]);
  });
});

describe('CF5 the audit trail', () => {
  test('has what was decided, with what there was before and after; survives a reload; is exported', async () => {
    const { client, todos, elsewhere, send, open, settle, server } = await start();
    client.update(todos, 'a', { title: 'early' });
    await elsewhere({ ...milk, title: 'rye' });
    await send();
    expect(client.audit()).toMatchObject([
      {
        seq: 0,
        token: 't1',
        name: '@update',
        strategy: { todos: 'lastWriteWins' },
        outcome: 'server',
        reason: 'chosen',
        rows: [{ mine: { title: 'early' }, theirs: { row: { title: 'rye' } }, after: { title: 'rye' } }],
      },
    ]);
    const trail = client.audit();
    expect(JSON.parse(client.exportAudit())).toMatchObject([{ token: 't1' }]);
    await client.dispose();
    const again = open({ collections: [todos, lists], transport: server });
    await settle();
    expect(again.audit()).toEqual(trail);
  });

  test('is bounded, in the storage, too', async () => {
    const { client, todos, server, send, disk } = await start('serverWins');
    for (let i = 0; i < 205; i++) {
      client.insert(todos, { id: `r${i}`, title: 'mine' });
      server.put('todos', `r${i}`, { id: `r${i}`, title: 'theirs' });
    }
    await send();
    expect(client.audit().map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, i) => i + 5));
    const beside = memoryStorage({ disk });
    await beside.open(client.namespace);
    const { meta } = await beside.load(undefined);
    expect(meta.filter(({ key }) => key.startsWith('audit:'))).toHaveLength(200);
  });

  test('LF2 what a collection redacts is in no record: neither stored, nor exported, nor told', async () => {
    const secret = defineCollection<Todo>({ name: 'todos', key: 'id', conflict: 'ask', redact: ['title'] });
    const device = createDevice();
    const { server, settle, disk } = device;
    server.put('todos', 'a', milk);
    const client = device.open({ collections: [secret] });
    const told: unknown[] = [];
    for (const event of ['conflict.asked', 'conflict.resolved'] as const)
      client.on(event, (data) => told.push(data));
    await settle();
    client.pause();
    client.update(secret, 'a', { title: 'my secret' });
    server.put('todos', 'a', { ...milk, title: 'their secret' });
    client.resume();
    await settle();
    await client.resolve('t1', { fields: { title: 'our secret' } }).confirmed;
    const beside = memoryStorage({ disk });
    await beside.open(client.namespace);
    const stored = await beside.load(undefined);
    const records = [client.audit(), client.exportAudit(), told, stored.meta];
    expect(told).toHaveLength(2);
    expect(JSON.stringify(records)).not.toContain('secret');
    expect(client.audit().at(-1)?.rows).toMatchObject([{ id: 'a', after: { id: 'a', done: false } }]);
    expect(server.get('todos', 'a')?.['title']).toBe('our secret');
  });

  test('says what the user has decided', async () => {
    const { client, todos, elsewhere, send, settle } = await start('ask');
    const told: string[] = [];
    client.on('conflict.resolved', ({ entry }) => told.push(entry.outcome));
    client.update(todos, 'a', { title: 'oat' });
    await elsewhere({ ...milk, title: 'rye' });
    await send();
    client.resolve('t1', 'theirs');
    await settle();
    expect([told, client.audit().map(({ strategy, outcome }) => [strategy, outcome])]).toEqual([
      ['server'],
      [
        [{ todos: 'ask' }, 'ask'],
        ['user', 'server'],
      ],
    ]);
  });
});

test('RT2 a row that is newer at every answer is tried again at once, and then ever later; an answer that holds ends it', async () => {
  const device = createDevice();
  const { server, clock } = device;
  server.put('todos', 'a', milk);
  const sent: number[] = [];
  let version = 100;
  let isBusy = true;
  const line = {
    ...server,
    push: (ops: readonly SealedOp[]) => {
      sent.push(clock.monotonic());
      const row = { ...milk, title: isBusy ? 'milk' : 'oat', done: version++ % 2 === 0 };
      const rows = [{ collection: 'todos', id: 'a', row, version }];
      return Promise.resolve(ops.map(() => answered(isBusy && sent.length < 500 ? 412 : 200, { rows })));
    },
  };
  const todos = todosWith('clientWins');
  const client = device.open({ collections: [todos, lists], transport: line });
  await device.settle();
  const start = clock.monotonic();
  const outcome = outcomeOf(client.update(todos, 'a', { title: 'oat' }).confirmed);
  await clock.advance(300_000);
  const waits = sent.map((at, i) => at - (sent[i - 1] ?? start));
  expect(waits[1]).toBe(0);
  expect(sent.length).toBeGreaterThan(5);
  expect(sent.length).toBeLessThan(30);
  expect(client.pending().map(({ state, failureReason }) => [state, failureReason?.code])).toEqual([
    ['waiting', 'CONFLICT'],
  ]);
  isBusy = false;
  await clock.advance(120_000);
  expect([outcome.now, client.get(todos, 'a')?.title]).toEqual(['resolved', 'oat']);
});
