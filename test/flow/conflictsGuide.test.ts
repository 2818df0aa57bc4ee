import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  createSyncClient,
  defineCollection,
  defineMutation,
  listById,
  memoryStorage,
  mergeFields,
  type MutationHandle,
  type SyncClient,
  type Transport,
} from '../../src/core.js';
import { createScriptedServer } from '../../src/testing.js';

// example
interface Ticket {
  id: string;
  title: string;
  seats: number;
  tags: { id: string; text: string }[];
}
const tickets = defineCollection<Ticket>({
  name: 'tickets',
  key: 'id',
  conflict: mergeFields({
    fields: {
      tags: listById(), // both add to it: both stay
      seats: (base = 0, mine = 0, theirs = 0) => theirs + (mine - base), // both took some: both count
    },
    otherwise: 'ask', // a title that both have changed is for the user to choose
  }),
});

const start = (transport: Transport) => {
  const sync = createSyncClient({
    name: 'tickets-app',
    collections: [tickets],
    transport,
    storage: memoryStorage(),
  });
  /** What an inbox does: shows both sides field by field, and says which stays. */
  const decide = (choose: (field: string, mine: unknown, theirs: unknown) => unknown) => {
    for (const { id, rows } of sync.conflicts())
      for (const { diff } of rows) {
        const contested = diff.filter((field) => field.contested);
        const fields = contested.map(({ field, mine, theirs }) => [field, choose(field, mine, theirs)]);
        sync.resolve(id, { fields: Object.fromEntries(fields) as Record<string, unknown> });
      }
  };
  return { sync, decide };
};
// end

const prices = { total: (items: readonly string[]): Promise<number> => Promise.resolve(items.length * 10) };

// resolver
interface Order {
  id: string;
  customer: string;
  items: string[];
  total: number;
  shipped?: boolean;
}
const orders = defineCollection<Order>({
  name: 'orders',
  key: 'id',
  redact: ['customer'], // no record of a conflict holds it
  conflict: async (_base, mine, theirs) => {
    if (mine === undefined || theirs === undefined) return 'ask'; // one side has deleted it
    const items = [...new Set([...theirs.items, ...mine.items])];
    return { ...theirs, items, total: await prices.total(items) }; // where this throws, the user is asked
  },
});
const ship = defineMutation({
  name: 'ship',
  conflict: 'clientWins', // goes before the collection's
  optimistic: (tx, id: string) => tx.update(orders, id, { shipped: true }),
});
// end

test.each(['example', 'resolver'])('the %s in docs/conflicts.md is this file', (name) => {
  const [, example] = readFileSync(import.meta.filename, 'utf8').split(`// ${name}\n`);
  const [text] = example!.split('// end\n');
  expect(readFileSync(`${import.meta.dirname}/../../docs/conflicts.md`, 'utf8')).toContain(text);
});

describe('the resolver in docs/conflicts.md', () => {
  const row = (rest: Partial<Order>): Record<string, unknown> => ({
    id: 'o',
    customer: 'Ada',
    items: ['pen'],
    total: 10,
    ...rest,
  });

  /** An order that both have changed: mine by `work`. */
  async function meet(work: (sync: SyncClient) => MutationHandle, theirs: Partial<Order> | undefined) {
    const server = createScriptedServer();
    server.put('orders', 'o', row({}));
    const sync = createSyncClient({
      name: 'orders-app',
      collections: [orders],
      mutations: [ship],
      transport: server,
      storage: memoryStorage(),
    });
    onTestFinished(() => sync.dispose());
    await sync.ready;
    await sync.sync({ direction: 'pull' });
    sync.pause();
    const { confirmed } = work(sync);
    server.put('orders', 'o', theirs && row(theirs));
    sync.resume();
    return { sync, server, confirmed };
  }
  const addInk = (sync: SyncClient): MutationHandle => sync.update(orders, 'o', { items: ['pen', 'ink'] });
  const theirs = { items: ['pen', 'cap'], total: 20 };

  test('CF2 is waited for, and its row is sent; the record has no customer', async () => {
    const { sync, server, confirmed } = await meet(addInk, theirs);
    await confirmed;
    expect(server.get('orders', 'o')).toEqual(row({ items: ['pen', 'cap', 'ink'], total: 30 }));
    expect(sync.audit()).toMatchObject([{ strategy: { orders: 'resolver' }, outcome: 'resend' }]);
    expect(sync.exportAudit()).not.toContain('Ada');
  });

  test('CF4 asks where it says so, and where it throws', async () => {
    const deleted = await meet(addInk, undefined);
    await expect(deleted.confirmed).rejects.toMatchObject({ code: 'CONFLICT', details: { reason: 'ask' } });
    expect(deleted.sync.conflicts()).toMatchObject([{ error: undefined, rows: [{ theirs: undefined }] }]);
    vi.spyOn(prices, 'total').mockRejectedValueOnce(new Error('no prices today'));
    const broken = await meet(addInk, theirs);
    await expect(broken.confirmed).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(broken.sync.conflicts()).toMatchObject([{ error: { code: 'RESOLVER_FAILED' } }]);
  });

  test('CF2 a definition goes before its collection', async () => {
    const { server, confirmed } = await meet((sync) => sync.mutate(ship, 'o'), { shipped: false });
    await confirmed;
    expect(server.get('orders', 'o')).toEqual(row({ shipped: true }));
  });
});

test('CF2 the example in docs/conflicts.md: lists and numbers merge, a title is asked for', async () => {
  const server = createScriptedServer();
  const row = (rest: Partial<Ticket>): Record<string, unknown> => ({
    id: 't',
    title: 'Concert',
    seats: 10,
    tags: [],
    ...rest,
  });
  server.put('tickets', 't', row({}));
  const { sync, decide } = start(server);
  await sync.ready;
  await sync.sync({ direction: 'pull' });

  sync.pause();
  const merged = sync.update(tickets, 't', { seats: 8, tags: [{ id: 'm', text: 'mine' }] });
  server.put('tickets', 't', row({ seats: 9, tags: [{ id: 't', text: 'theirs' }] }));
  sync.resume();
  await merged.confirmed;
  const both = [
    { id: 'm', text: 'mine' },
    { id: 't', text: 'theirs' },
  ];
  expect(server.get('tickets', 't')).toEqual(row({ seats: 7, tags: both }));

  sync.pause();
  const asked = sync.update(tickets, 't', { title: 'Mine' });
  server.put('tickets', 't', row({ seats: 7, tags: both, title: 'Theirs' }));
  sync.resume();
  await expect(asked.confirmed).rejects.toMatchObject({ code: 'CONFLICT' });
  decide((_field, mine, theirs) => `${String(mine)} or ${String(theirs)}`);
  await sync.flush();
  await sync.sync();
  expect(server.get('tickets', 't')?.['title']).toBe('Mine or Theirs');
  expect(sync.audit().map(({ outcome, strategy }) => [outcome, strategy])).toEqual([
    ['resend', { tickets: 'mergeFields' }],
    ['ask', { tickets: 'mergeFields' }],
    ['resend', 'user'],
  ]);
  await sync.dispose();
});
