import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  createSyncClient,
  defineCollection,
  defineMutation,
  type SyncClient,
  type Transport,
} from '../../src/core.js';
import { createScriptedServer } from '../../src/testing.js';

// example
interface Finding {
  id: string;
  text: string;
  seen: number;
  closed?: boolean;
}
const findings = defineCollection<Finding>({ name: 'findings', key: 'id' });

/** Ten taps are one request: two of them mean their sum, one and its opposite mean nothing. */
const count = defineMutation({
  name: 'count',
  optimistic: (tx, v: { id: string; by: number }) =>
    tx.update(findings, v.id, (draft) => {
      draft.seen += v.by;
    }),
  command: true,
  coalesce: (older, newer) => {
    if (older.id !== newer.id) return undefined;
    const by = older.by + newer.by;
    return by === 0 ? 'annul' : { id: older.id, by };
  },
  inverse: ({ id, by }) => ({ id, by: -by }),
});

/** Goes before everything else; a refusal keeps it on the screen until somebody has repaired it. */
const close = defineMutation({
  name: 'close',
  optimistic: (tx, v: { id: string }) => tx.update(findings, v.id, { closed: true }),
  priority: 'high',
  onRejected: 'hold',
});

const start = (transport: Transport) => ({
  sync: createSyncClient({
    name: 'findings',
    collections: [findings],
    mutations: [count, close],
    transport,
    retry: { baseMs: 1_000, capMs: 60_000, maxAttempts: Infinity, spreadMs: 2_000 },
    breaker: { failures: 10, windowMs: 60_000, openMs: 30_000 },
  }),
});

/** Sent in five seconds unless it is undone before; after that, undo sends the opposite. */
function report(sync: SyncClient, finding: Finding): () => Promise<'cancelled' | 'queued' | 'settled'> {
  const { token } = sync.insert(findings, finding, { sendAfter: 5_000 });
  return () => sync.undo(token);
}

/** What the server refused goes again with a shorter text; what waited for it comes back with it. */
function shorten(sync: SyncClient): void {
  for (const letter of sync.deadLetters()) {
    const row = letter.variables as Finding;
    if (letter.name === '@insert' && letter.error.code === 'REFUSED')
      sync.retry(letter.token, { ...row, text: row.text.slice(0, 80) });
  }
}
// end

test('the example in docs/sending.md is this file', () => {
  const own = readFileSync(import.meta.filename, 'utf8');
  const example = own.slice(own.indexOf('// example\n') + '// example\n'.length, own.indexOf('// end\n'));
  expect(readFileSync(`${import.meta.dirname}/../../docs/sending.md`, 'utf8')).toContain(example);
});

test('MU7 the example in docs/sending.md does what it says', async () => {
  const server = createScriptedServer({
    commands: {
      count: ({ id, by }: { id: string; by: number }, tx) => {
        const row = tx.get('findings', id);
        tx.put('findings', id, { ...row, seen: Number(row?.['seen']) + by });
      },
    },
  });
  server.refuse((op) => op.kind === 'insert' && String(op.data['text']).length > 80);
  const { sync } = start(server);
  await sync.ready;

  const long = sync.insert(findings, { id: 'a', text: 'x'.repeat(300), seen: 0 });
  await expect(long.confirmed).rejects.toMatchObject({ code: 'REFUSED' });
  shorten(sync);
  await sync.flush();
  expect(server.get('findings', 'a')).toEqual({ id: 'a', text: 'x'.repeat(80), seen: 0 });

  const before = server.journal.length;
  for (let i = 0; i < 10; i++) sync.mutate(count, { id: 'a', by: 1 });
  await sync.flush();
  expect([server.journal.length - before, server.get('findings', 'a')]).toMatchObject([1, { seen: 10 }]);

  const undo = report(sync, { id: 'b', text: 'mistaken', seen: 0 });
  expect(await undo()).toBe('cancelled');
  expect(sync.get(findings, 'b')).toBeUndefined();

  server.refuse((op) => op.kind === 'update');
  const refused = sync.mutate(close, { id: 'a' });
  await expect(refused.confirmed).rejects.toMatchObject({ code: 'REFUSED' });
  expect([sync.get(findings, 'a')?.closed, sync.status.get().phase]).toEqual([true, 'needsAttention']);
  await sync.discard(refused.token);
  expect(sync.get(findings, 'a')?.closed).toBeUndefined();
  await sync.dispose();
});
