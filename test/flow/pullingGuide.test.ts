import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  createSyncClient,
  defineCollection,
  httpTransport,
  webSocketChanges,
  type SyncClient,
} from '../../src/core.js';
import { createScriptedServer } from '../../src/testing/scriptedServer.js';

const tickets = { next: () => Promise.resolve('t1') };

// example
interface Note {
  id: string;
  text: string;
}
const notes = defineCollection<Note>({ name: 'notes', key: 'id' });

const options = {
  name: 'notes',
  collections: [notes],
  transport: httpTransport({ url: 'https://api.example/sync' }),
  realtime: webSocketChanges({
    url: async () => `https://api.example/sync?ticket=${await tickets.next()}`,
    onClose: ({ code, reason }) => console.warn(`realtime ended with ${code} ${reason}`),
  }),
};

/** Calls back with how much of a longer pull is here, from 0 to 1, and with undefined when there is none. */
function showProgress(sync: SyncClient, show: (part: number | undefined) => void): () => void {
  return sync.status.subscribe(() => {
    const { done = 0, total } = sync.status.get().progress ?? {};
    show(total === undefined ? undefined : done / total);
  });
}

/** Reads the notes again, for at most a minute. What was read by then stays. */
async function repair(sync: SyncClient): Promise<boolean> {
  const { status } = await sync.sync({
    direction: 'pull',
    operation: 'full',
    collections: [notes],
    signal: AbortSignal.timeout(60_000),
  });
  return status === 'completed';
}
// end

test('the example in docs/pulling.md is this file', () => {
  const own = readFileSync(import.meta.filename, 'utf8');
  const example = own.slice(own.indexOf('// example\n') + '// example\n'.length, own.indexOf('// end\n'));
  expect(readFileSync(`${import.meta.dirname}/../../docs/pulling.md`, 'utf8')).toContain(example);
});

test('PL3 the example in docs/pulling.md does what it says', async () => {
  const server = createScriptedServer({ pageSize: 2 });
  for (const id of ['a', 'b', 'c']) server.put('notes', id, { id, text: id });
  const { name, collections } = options;
  const sync = createSyncClient({ name, collections, transport: server });
  const shown: (number | undefined)[] = [];
  showProgress(sync, (part) => shown.push(part));
  expect(await repair(sync)).toBe(true);
  expect(sync.query(notes).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  expect(shown.at(-1)).toBeUndefined();
  expect(shown.filter((part, i) => part !== undefined && part !== shown[i - 1])).toContain(2 / 3);
  await sync.dispose();
});
