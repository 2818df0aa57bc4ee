import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  createSyncClient,
  defineCollection,
  listById,
  memoryStorage,
  mergeFields,
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

test('the example in docs/conflicts.md is this file', () => {
  const own = readFileSync(import.meta.filename, 'utf8');
  const example = own.slice(own.indexOf('// example\n') + '// example\n'.length, own.indexOf('// end\n'));
  expect(readFileSync(`${import.meta.dirname}/../../docs/conflicts.md`, 'utf8')).toContain(example);
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
