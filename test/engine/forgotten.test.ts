import { expect, test } from 'vitest';
import { createDevice, deaf, todos } from './testClient.js';
import { memoryStorage } from '../../src/adapters/memoryStorage.js';
import type { Lease, TabChannel } from '../../src/engine/ports.js';

/** Nobody drains: all stays unsent. */
const lease: Lease = { hold: () => new Promise<void>(() => undefined) };

/** A tab that hears when it is told to, as one that was frozen. */
function deafUntil(): TabChannel & { heard: () => void } {
  const channel = {
    heard: (): void => undefined,
    open(_namespace: string, heard: () => void) {
      channel.heard = heard;
      return { announce: () => undefined, close: () => undefined };
    },
  };
  return channel;
}

test('MU2 cancelled elsewhere, 1,300 writes ago: told as unknown, not as confirmed', async () => {
  const device = createDevice();

  const a = device.open({ lease, tabs: deaf });
  await device.settle();
  const first = a.insert(todos, { id: '1', title: 'mine' });
  await device.settle();
  const ears = deafUntil();
  const b = device.open({ lease, tabs: ears });
  await device.settle();
  const told: string[] = [];
  b.on('mutation.confirmed', ({ token }) => told.push(`confirmed ${token}`));
  b.on('mutation.forgotten', ({ token }) => told.push(`forgotten ${token}`));
  expect(b.pending().map((m) => m.token)).toEqual([first.token]);
  await a.rollback(first.token);
  for (let i = 0; i < 1_300; i++) {
    a.insert(todos, { id: `x${i}`, title: 'x' });
    await device.settle();
  }
  ears.heard();
  await device.settle();
  expect(told).toEqual([`forgotten ${first.token}`]);
});

test('OB10 the storage was emptied: not told as confirmed', async () => {
  const device = createDevice();
  const ears = deafUntil();
  const a = device.open({ lease, tabs: ears });
  await device.settle();
  const told: string[] = [];
  a.on('mutation.confirmed', ({ token }) => told.push(`confirmed ${token}`));
  a.insert(todos, { id: '1', title: 'mine' });
  await device.settle();
  device.disk.namespaces.clear(); // "clear site data" in another tab
  ears.heard();
  await device.settle();
  expect(told).toEqual([]);
});

test('OB7 a log record was damaged while the tab was open: not told as confirmed', async () => {
  const device = createDevice();
  const ears = deafUntil();
  const memory = memoryStorage({ disk: device.disk });
  let damaged = false;
  const storage = {
    ...memory,
    async load(since?: number) {
      const state = await memory.load(damaged ? undefined : since);
      if (!damaged) return state;
      return {
        ...state,
        log: [],
        unreadable: [{ table: 'log' as const, key: 1, cause: new Error('damaged') }],
      };
    },
  };
  const a = device.open({ lease, tabs: ears, storage });
  await device.settle();
  const told: string[] = [];
  a.on('mutation.confirmed', ({ token }) => told.push(`confirmed ${token}`));
  a.insert(todos, { id: '1', title: 'mine' });
  await device.settle();
  damaged = true;
  ears.heard();
  await device.settle();
  expect(told).toEqual([]);
});

test.each([1, 2])(
  'MU2 stored, its answer lost, settled by another tab meanwhile: told as it ended, once (%i in a tick)',
  async (count) => {
    const device = createDevice();
    const appends: string[] = [];
    const memory = memoryStorage({ disk: device.disk });
    let lose: (() => Promise<void>) | undefined;
    const storage = {
      ...memory,
      async write(write: Parameters<typeof memory.write>[0]) {
        if (write.append) appends.push(...write.append.flat().map((m) => m.token));
        const receipt = await memory.write(write);
        if (write.append === undefined || lose === undefined) return receipt;
        const meanwhile = lose;
        lose = undefined;
        await meanwhile();
        throw new Error('connection lost');
      },
    };
    const ears = deafUntil();
    const a = device.open({ storage, lease, tabs: deaf });
    const b = device.open({ tabs: ears });
    await device.settle();
    const told: string[] = [];
    b.on('mutation.confirmed', ({ token }) => told.push(`confirmed ${token}`));
    b.on('mutation.cancelled', ({ token }) => told.push(`cancelled ${token}`));
    lose = async () => {
      ears.heard();
      await b.sync();
    };
    a.on('mutation.confirmed', ({ token }) => told.push(`a: confirmed ${token}`));
    a.on('mutation.rejected', ({ token, error }) => told.push(`a: rejected ${token} ${error.code}`));
    const tokens = Array.from(
      { length: count },
      (_, i) => a.insert(todos, { id: `${i}`, title: 'mine' }).token,
    );
    await device.clock.advance(1_000);
    ears.heard();
    await device.clock.advance(60_000);
    expect(tokens.map((token) => device.server.timesApplied(token))).toEqual(tokens.map(() => 1));
    expect(appends).toEqual(tokens);
    expect(told.sort()).toEqual(
      tokens.flatMap((token) => [`a: confirmed ${token}`, `confirmed ${token}`]).sort(),
    );
  },
);
