import { describe, expect, test } from 'vitest';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import { META } from '../../src/engine/ledger.js';
import type { Reply, StorageWrite } from '../../src/engine/ports.js';
import {
  accepted,
  createDevice,
  heldTransport,
  refused,
  storedIn,
  todos,
  watchedStorage,
  type Device,
} from './testClient.js';

const tokens = async (device: Device): Promise<string[]> =>
  (await storedIn(device)).map(({ token }) => token);

/** Eight edits of one tick, `t1` to `t8`, are one log record; what settles is asked for by number. */
async function eight({ offline = false } = {}) {
  const device = createDevice();
  const storage = watchedStorage(memoryStorage({ disk: device.disk }));
  const line = heldTransport({ ...device.server, limits: { maxBatch: 2, maxBytes: 1e6 } }, device.clock);
  const client = device.open({ storage, transport: line });
  await device.settle();
  client.pause();
  for (const id of 'abcdefgh') client.insert(todos, { id, title: id });
  await device.settle();
  if (!offline) client.resume();
  await device.settle();
  storage.writes.length = 0;
  /** The next two are answered. */
  async function settleTwo(...replies: readonly Reply[]) {
    await line.pushes.at(-1)?.answer(...(replies.length > 0 ? replies : [accepted, accepted]));
    return storage.writes.splice(0).filter(({ outcomes = [] }) => outcomes.length > 0);
  }
  return { device, client, storage, settleTwo };
}

const logOf = ({ put, remove }: StorageWrite) => ({
  rewritten: put?.log?.map(({ mutations }) => mutations.map(({ token }) => token)) ?? [],
  removed: remove?.log ?? [],
});

describe('OB4 what leaves a log record', () => {
  test('is noted, and the record is deleted with the last', async () => {
    const { device, settleTwo } = await eight();
    const seen: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      const settled = await settleTwo();
      seen.push([...settled.map(logOf), await tokens(device)]);
    }
    const untouched = { rewritten: [], removed: [] };
    expect(seen).toEqual([
      [untouched, ['t3', 't4', 't5', 't6', 't7', 't8']],
      [untouched, ['t5', 't6', 't7', 't8']],
      [untouched, ['t7', 't8']], // on their way
      [{ rewritten: [], removed: [1] }, []],
    ]);
  });

  test('is rewritten when a quarter of it stays and is not on its way', async () => {
    const { device, client, storage } = await eight({ offline: true });
    for (const { token } of client.pending().slice(0, 6)) await client.rollback(token);
    expect(storage.writes.map(logOf).filter(({ rewritten }) => rewritten.length > 0)).toEqual([
      { rewritten: [['t7', 't8']], removed: [] },
    ]);
    expect(await tokens(device)).toEqual(['t7', 't8']);
  });

  test('does not come back after a restart', async () => {
    const { device, client, settleTwo } = await eight();
    await settleTwo();
    await client.dispose();
    const after = device.open();
    await device.clock.advance(60_000);
    expect([after.pending(), [...device.server.rows('todos').keys()]]).toEqual([
      [],
      ['c', 'd', 'e', 'f', 'g', 'h'],
    ]);
  });

  test.each([['a string'], [{ 1: [3] }], [undefined]])(
    'OB7 comes back, and is told, where the note of it is %j: nothing unsent is lost',
    async (damaged) => {
      const { device, client, settleTwo } = await eight();
      await settleTwo();
      await client.dispose();
      const disk = memoryStorage({ disk: device.disk });
      await disk.open('app');
      await disk.write({ put: { meta: [{ key: META.empty, value: damaged }] } });
      const after = device.open();
      const told: string[] = [];
      after.on('storage.quarantined', ({ what, error }) => told.push(`${what} ${error.code}`));
      await device.clock.advance(60_000);
      expect([told, after.pending(), await tokens(device)]).toEqual([['meta empty UNREADABLE'], [], []]);
      // What had left by itself went again under its own key: this server had accepted none of it.
      expect([...device.server.rows('todos').keys()]).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
    },
  );

  test('leaves the other tabs, whose records stay as they were', async () => {
    const { device, settleTwo } = await eight();
    const other = device.open();
    await device.settle();
    await settleTwo();
    await settleTwo();
    expect(other.pending().map(({ token }) => token)).toEqual(['t5', 't6', 't7', 't8']);
  });

  test('and comes in again, comes in behind the others, here and after a restart (RT7)', async () => {
    const { device, client, settleTwo } = await eight();
    const other = device.open();
    await settleTwo(refused, accepted);
    await client.retry('t1', { id: 'a', title: 'better' }).enqueued;
    await device.settle();
    expect(await tokens(device)).toEqual(['t3', 't4', 't5', 't6', 't7', 't8', 't1']);
    await client.dispose();
    await other.dispose();
    const after = device.open();
    await device.clock.advance(60_000);
    expect([after.pending(), after.deadLetters(), device.server.get('todos', 'a')]).toEqual([
      [],
      [],
      { id: 'a', title: 'better' },
    ]);
  });
});
