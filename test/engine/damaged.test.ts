import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { defineCollection } from '../../src/domain/collection.js';
import { STORAGE_KEYS, type Reply, type StorageState, type StorageTables } from '../../src/engine/ports.js';
import {
  answered,
  createDevice,
  heldTransport,
  lists,
  refused,
  type Device,
  type Todo,
} from './testClient.js';

const todos = defineCollection<Todo>({ name: 'todos', key: 'id', conflict: 'ask', serverIds: true });
const collections = [todos, lists];

/** What a session leaves that met everything: refused, named by the server, in conflict, sent and unanswered, unsent. */
async function used(): Promise<Device> {
  const device = createDevice();
  const { server, clock, settle } = device;
  const line = heldTransport({ ...server, limits: { maxBatch: 1, maxBytes: 1e6 } }, clock);
  const client = device.open({
    collections,
    transport: { ...line, pull: (request) => server.pull(request) },
  });
  const answer = async (...replies: readonly Reply[]): Promise<void> => {
    await settle();
    await line.pushes.at(-1)?.answer(...replies);
  };
  const row = (title: string, version: number) => ({
    collection: 'todos',
    id: 'N',
    row: { id: 'N', title },
    version,
  });
  await settle();
  client.insert(lists, { id: 'refused', count: 1 });
  await answer(refused);
  client.insert(todos, { id: 'n', title: 'x' });
  await answer(answered(200, { ids: [{ collection: 'todos', from: 'n', to: 'N' }], rows: [row('x', 5)] }));
  client.update(todos, 'N', { title: 'mine' });
  await answer(answered(409, { rows: [row('theirs', 9)] }));
  client.insert(lists, { id: 'sealed', count: 1 });
  await settle();
  client.insert(lists, { id: 'queued', count: 1 });
  client.insert(lists, { id: 'of its tick', count: 1 });
  await settle();
  await client.dispose();
  return device;
}

async function diskOf({ disk }: Device) {
  const storage = memoryStorage({ disk });
  await storage.open('app');
  return storage;
}

type Path = readonly (string | number)[];

function pathsIn(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  const members: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return [at, ...members.flatMap(([name, member]) => pathsIn(member, [...at, name]))];
}

function replaced(value: unknown, [name, ...rest]: Path, by: unknown): unknown {
  if (name === undefined) return by;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[name] = replaced(copy[name], rest, by);
  return copy;
}

const TABLES = ['log', 'seals', 'deadLetters', 'meta'] as const;
type TableName = (typeof TABLES)[number];

/** What the bytes of an op are only its server can tell. */
const isBody = (path: Path): boolean => path.at(-1) === 'body';

/** What of a log record belongs to what was damaged in it. */
function concerned(records: StorageState['log'], [, place]: Path): readonly string[] {
  const those = typeof place === 'number' ? [records[0]?.mutations[place]] : (records[0]?.mutations ?? []);
  return those.map((mutation) => mutation?.changes[0]?.id ?? '');
}

describe.each(TABLES)('OB7 of %s', (table: TableName) => {
  test.each([[undefined], [null], [7], [[null]]])(
    'whatever in it has become %j, all else is read, sent and shown',
    async (junk) => {
      const before = await (await diskOf(await used())).load();
      const key = STORAGE_KEYS[table];
      const harmed: string[] = [];
      for (const record of before[table] as readonly StorageTables[TableName][])
        for (const path of pathsIn(record)) {
          if (path.length === 0 || path[0] === key || isBody(path)) continue;
          const device = await used();
          const damaged = replaced(record, path, junk) as StorageTables[TableName];
          await (await diskOf(device)).write({ put: { [table]: [damaged] } });
          const client = device.open({ collections });
          await device.settle();
          client.insert(lists, { id: 'new', count: 1 });
          await device.clock.advance(120_000);
          client.deadLetters();
          client.conflicts();
          const lost = ['sealed', 'queued', 'of its tick', 'new'].filter(
            (id) => device.server.get('lists', id) === undefined,
          );
          const own = table === 'log' ? concerned([record as StorageState['log'][number]], path) : [];
          const others = lost.filter((id) => !own.includes(id));
          if (others.length > 0 || device.warnings.length > 0)
            harmed.push(`${path.join('.')}: ${[...others, ...device.warnings].join(', ')}`);
          await client.dispose();
        }
      expect(harmed).toEqual([]);
    },
  );
});

test.each([
  ['seals', 'sealed', 'seals t4.0'],
  ['seals', 'sealed.0.changes', 'seals t4.0[0]'],
  ['deadLetters', 'record', 'deadLetters t1'],
  ['meta', 'value', 'meta cursor'],
  ['log', 'mutations', 'log 3'],
] as const)(
  'OB7 what was damaged in %s (%s) is told, and stays until it is written anew',
  async (table, path, told) => {
    const device = await used();
    const disk = await diskOf(device);
    const [record] = (await disk.load())[table];
    const damaged = replaced(
      record,
      path.split('.').map((name) => (name === '0' ? 0 : name)),
      7,
    ) as StorageTables[TableName];
    await disk.write({ put: { [table]: [damaged] } });
    const client = device.open({ collections });
    const heard: string[] = [];
    client.on('storage.quarantined', ({ what, error }) => heard.push(`${what} ${error.code}`));
    await device.clock.advance(120_000);
    expect(heard).toEqual([`${told} UNREADABLE`]);
    await client.dispose();
    if (table === 'log' || table === 'deadLetters')
      expect((await disk.load())[table]).toContainEqual(damaged);
  },
);
