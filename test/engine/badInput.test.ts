import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { httpTransport } from '../../src/adapters/httpTransport.js';
import { defineCollection } from '../../src/domain/collection.js';
import { defineMutation } from '../../src/domain/definition.js';
import { SyncError } from '../../src/domain/errors.js';
import type { SyncClient } from '../../src/engine/client.js';
import { createDevice, outcomeOf, startClient, thrownBy, todos, type Todo } from './testClient.js';

const elsewhere = defineCollection<Todo>({ name: 'elsewhere', key: 'id' });
const rename = defineMutation({
  name: 'rename',
  optimistic: (tx, v: { id: string; title: string }) => tx.update(todos, v.id, { title: v.title }),
});
const stranger = defineMutation({ name: 'stranger', optimistic: (tx, id: string) => tx.delete(todos, id) });
const impostor = defineMutation({
  name: 'rename',
  optimistic: (tx, v: { id: string; title: string }) => tx.delete(todos, v.id),
});
const later: unknown = () => Promise.resolve();
const slow = defineMutation({ name: 'slow', optimistic: later as () => void });
const bulky = defineMutation({
  name: 'bulky',
  command: true,
  optimistic: () => undefined,
});
const broken = defineMutation({
  name: 'broken',
  optimistic: () => {
    throw new RangeError('mine');
  },
});
const mutations = [rename, slow, broken, bulky];

describe('bad input is refused at the call, in words, and costs nobody else anything', () => {
  test.each<[string, (client: SyncClient) => unknown, string]>([
    [
      'an unknown collection',
      (c) => c.insert(elsewhere, { id: 'x', title: '' }),
      'UNKNOWN_COLLECTION: "elsewhere" is not a collection of this client; it knows todos, lists.',
    ],
    [
      'an id of the wrong type',
      (c) => c.update(todos, 7 as never, { title: '' }),
      'INVALID_ID: todos: an id is a string, received 7.',
    ],
    [
      'an empty id',
      (c) => c.delete(todos, ''),
      'INVALID_ID: todos: an id has 1 to 256 characters, received 0.',
    ],
    [
      'a row without its key',
      (c) => c.insert(todos, { title: 'x' } as never),
      'INVALID_ROW: todos: the row has no "id"; received fields title.',
    ],
    [
      'no row',
      (c) => c.insert(todos, undefined as never),
      'INVALID_ROW: todos: a row is a plain object, received undefined.',
    ],
    [
      'a row that is there',
      (c) => c.insert(todos, { id: 'a', title: 'again' }),
      'ENTITY_EXISTS: todos already has a row "a".',
    ],
    [
      'a row that is not',
      (c) => c.update(todos, 'zz', { title: '' }),
      'ENTITY_NOT_FOUND: todos has no row "zz".',
    ],
    [
      'a function in a row',
      (c) => c.update(todos, 'a', { title: (() => 1) as never }),
      'NOT_SERIALIZABLE: todos "a": title is a function; it cannot be stored.',
    ],
    [
      'a function in variables',
      (c) => c.mutate(rename, { id: 'a', title: (() => 1) as never }),
      'NOT_SERIALIZABLE: the variables of "rename": title is a function; it cannot be stored.',
    ],
    [
      'a function in meta',
      (c) => c.update(todos, 'a', { title: 'x' }, { meta: { f: () => 1 } }),
      'NOT_SERIALIZABLE: the meta of "@update": f is a function; it cannot be stored.',
    ],
    [
      'a huge row',
      (c) => c.update(todos, 'a', { title: 'x'.repeat(600_000) }),
      'TOO_LARGE: "@update" has more than 524288 bytes',
    ],
    [
      'a definition of nobody',
      (c) => c.mutate(stranger, 'a'),
      'UNKNOWN_DEFINITION: "stranger" is not among the mutations of this client.',
    ],
    [
      'a definition of the same name',
      (c) => c.mutate(impostor, { id: 'a', title: '' }),
      'UNKNOWN_DEFINITION: "rename" is not among the mutations of this client.',
    ],
    [
      'no definition',
      (c) => c.mutate(undefined as never, 'a'),
      'UNKNOWN_DEFINITION: undefined is not a mutation',
    ],
    ['a recipe that throws', (c) => c.mutate(broken, undefined), 'RangeError: mine'],
    [
      'an asynchronous optimistic',
      (c) => c.mutate(slow, undefined),
      'INVALID_RECIPE: optimistic returned a promise',
    ],
    [
      'an asynchronous recipe',
      (c) => c.update(todos, 'a', later as () => void),
      'INVALID_RECIPE: a recipe returned a promise',
    ],
    [
      'a priority that is none',
      (c) => c.update(todos, 'a', { title: 'x' }, { priority: 'urgent' as never }),
      'INVALID_OPTIONS: "@update": priority is one of critical, high, normal, low, background, received the string "urgent".',
    ],
    [
      'dependsOn that is no list',
      (c) => c.update(todos, 'a', { title: 'x' }, { dependsOn: 't1' as never }),
      'INVALID_OPTIONS: "@update": dependsOn is an array of tokens, received the string "t1".',
    ],
    [
      'where that is neither data nor a function',
      (c) => c.query(todos, { where: 'all' as never }),
      'INVALID_OPTIONS: where is an object of conditions or a function of a row, received the string "all".',
    ],
  ])('%s', async (_name, call, message) => {
    const device = createDevice();
    device.server.put('todos', 'a', { id: 'a', title: 'milk' });
    const client = device.open({ mutations });
    await device.settle();
    client.insert(todos, { id: 'before', title: '1' });
    expect(thrownBy(() => call(client))).toContain(message);
    client.insert(todos, { id: 'after', title: '2' });
    expect(client.pending()).toHaveLength(2);
    await device.settle();
    expect([...device.server.rows('todos').keys()]).toEqual(['a', 'before', 'after']);
    expect([device.server.get('todos', 'a'), client.deadLetters(), device.clock.monotonic()]).toEqual([
      { id: 'a', title: 'milk' },
      [],
      0,
    ]);
  });

  test('a command whose variables are too large for a request becomes a dead letter, and delays nobody', async () => {
    const device = createDevice();
    const transport = {
      ...device.server,
      encode: (op: Parameters<typeof device.server.encode>[0]) => {
        const body = device.server.encode(op);
        if (body.length > 1_000)
          throw new SyncError('TOO_LARGE', `An op may have 1000 bytes; ${op.token} has ${body.length}.`);
        return body;
      },
    };
    const client = device.open({ mutations, transport });
    const outcome = outcomeOf(client.mutate(bulky, 'x'.repeat(2_000) as never).confirmed);
    client.insert(todos, { id: 'a', title: 'milk' });
    await device.settle();
    expect(outcome.now).toBe('rejected TOO_LARGE');
    expect([client.pending(), device.server.get('todos', 'a')?.['title']]).toEqual([[], 'milk']);
  });
});

test('a reply for the wrong token is no reply: sent again with the same key', async () => {
  const bodies: string[] = [];
  const device = createDevice();
  const answer = (op: string) =>
    new Response(JSON.stringify({ results: [{ op, rev: 0, status: 200, entities: [] }] }), {
      headers: { 'content-type': 'application/json' },
    });
  const transport = httpTransport({
    url: '/sync',
    fetch: async (_url, init) => {
      bodies.push(init?.body as string);
      return answer(bodies.length === 1 ? 'somebody-else' : 't1');
    },
  });
  const client = device.open({
    transport: { ordered: true, limits: transport.limits, encode: transport.encode, push: transport.push },
  });
  client.insert(todos, { id: 'a', title: 'milk' });
  await device.settle();
  expect(client.pending()).toMatchObject([
    { state: 'waiting', failureReason: { code: 'UNEXPECTED_RESPONSE' } },
  ]);
  await device.clock.advance(1_000);
  expect([client.pending(), new Set(bodies).size, bodies.length]).toEqual([[], 1, 2]);
});

describe('bad options are refused at the door, in words', () => {
  const twin = defineCollection<Todo>({ name: 'todos', key: 'id' });
  test.each<[string, object, string]>([
    [
      'no name',
      { name: undefined },
      'name must be 1 to 128 letters, digits, "_", "-" or ".", received undefined',
    ],
    ['a name with a colon', { name: 'a:b' }, 'received the string "a:b"'],
    [
      'an empty user',
      { user: '' },
      'user must be a non-empty string of whole characters, received the string ""',
    ],
    ['a user that is half a character', { user: '\ud800' }, 'user must be'],
    [
      'collections that are none',
      { collections: 'todos' },
      'collections must be an array of collections, received the string "todos"',
    ],
    [
      'a collection that is none',
      { collections: [undefined] },
      'a collection must come from defineCollection, received undefined',
    ],
    ['two collections with one name', { collections: [todos, twin] }, 'two collections are called "todos"'],
    [
      'mutations that are none',
      { mutations: { rename } },
      'mutations must be an array of mutations, received an object',
    ],
    [
      'a mutation that is none',
      { mutations: ['rename'] },
      'a mutation must come from defineMutation, received the string "rename"',
    ],
    ['two mutations with one name', { mutations: [rename, impostor] }, 'two mutations are called "rename"'],
    ['no concurrency', { concurrency: 0 }, 'concurrency must be a positive number, received 0'],
    [
      'a timeout that is text',
      { timeoutMs: '5s' },
      'timeoutMs must be a positive number, received the string "5s"',
    ],
    ['a poll for ever', { pollMs: Infinity }, 'pollMs must be a positive number, received Infinity'],
    [
      'a retry base that is NaN',
      { retry: { baseMs: NaN } },
      'retry.baseMs must be a positive number, received NaN',
    ],
    ['a transport that is none', { transport: {} }, 'transport must be a transport, received an object'],
    ['a storage that is none', { storage: {} }, 'storage must be a storage, received an object'],
  ])('%s', (_name, options, message) => {
    const said = thrownBy(() => createDevice().open(options));
    expect(said).toMatch(/^INVALID_OPTIONS: createSyncClient: /);
    expect(said).toContain(message);
  });

  test('the same definition twice is one', () => {
    expect(
      thrownBy(() => createDevice().open({ mutations: [rename, rename], collections: [todos, todos] })),
    ).toBe('nothing');
  });
});

test('MU8 a row that the schema of its collection refuses is refused at the call', async () => {
  const strict = defineCollection({
    name: 'strict',
    key: 'id',
    schema: z.object({ id: z.string(), n: z.number() }),
  });
  const { client } = await startClient({ collections: [strict] });
  expect(thrownBy(() => client.insert(strict, { id: 'a', n: 'x' } as never))).toMatch(
    /^VALIDATION: strict "a": n: /,
  );
  expect(client.pending()).toEqual([]);
});
