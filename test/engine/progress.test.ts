import { describe, expect, test } from 'vitest';
import type { PullReply, Transport } from '../../src/engine/ports.js';
import { createDevice, lost, todos } from './testClient.js';

const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: `r${String(i).padStart(4, '0')}`, title: 'x' }));

/** A device that reads so many rows, in pages of at most `pageSize`. */
function deviceWith(count: number, pageSize: number) {
  const device = createDevice({ pageSize });
  for (const row of rows(count)) device.server.put('todos', row.id, row);
  return device;
}

/** What status says of the pull, one line for each time that it is something else. */
function watched(client: ReturnType<ReturnType<typeof createDevice>['open']>): string[] {
  const log: string[] = [];
  client.status.subscribe(() => {
    const { progress } = client.status.get();
    const line =
      progress === undefined
        ? 'none'
        : `${progress.phase} ${progress.operation} ${progress.done}/${progress.total}`;
    if (line !== log.at(-1)) log.push(line);
  });
  return log;
}

describe('OS1 progress', () => {
  test('of a first pull is what is stored, of what there is, until it is over', async () => {
    const { open, settle } = deviceWith(5, 2);
    const client = open();
    const log = watched(client);
    await settle();
    expect(log).toEqual(['none', 'execute full 2/5', 'execute full 4/5', 'execute full 5/5', 'none']);
    expect(client.query(todos)).toHaveLength(5);
  });

  test('counts what a former session has read', async () => {
    const { open, settle, server } = deviceWith(5, 2);
    let pages = 0;
    const first = open({
      transport: {
        ...server,
        pull: (request) => (++pages > 2 ? new Promise<PullReply>(() => undefined) : server.pull(request)),
      },
    });
    await settle();
    await first.dispose();
    const next = open();
    const log = watched(next);
    await settle();
    expect(log).toEqual(['none', 'execute full 5/5', 'none']);
  });

  test('is not shown for a pull of one page, nor left behind by one that fails', async () => {
    const { open, settle, server, clock } = deviceWith(5, 2);
    let fails = true;
    const transport: Transport = {
      ...server,
      pull: (request) =>
        fails && request.snapshot?.page !== undefined
          ? Promise.resolve<PullReply>({ kind: 'failed', reply: lost as never })
          : server.pull(request),
    };
    const client = open({ transport });
    await settle();
    expect(client.status.get().progress).toBeUndefined();
    fails = false;
    await clock.advance(5_000);
    expect(client.query(todos)).toHaveLength(5);
    const log = watched(client);
    server.put('todos', 'new', { id: 'new', title: 'x' });
    await client.sync({ direction: 'pull' });
    await clock.advance(60_000);
    expect(log.filter((line) => line !== 'none')).toEqual([]);
  });
});

test('PL4 pages grow while they come quickly, and shrink when they are slow or do not come', async () => {
  const { open, server, clock } = deviceWith(6_000, 5_000);
  const asked: number[] = [];
  let delayMs = 10;
  let isLost = false;
  const transport: Transport = {
    ...server,
    maxPage: 700,
    async pull(request) {
      asked.push(request.limit ?? NaN);
      await clock.sleep(delayMs);
      delayMs = isLost ? 10 : delayMs;
      return isLost ? { kind: 'failed', reply: lost as never } : server.pull(request);
    },
  };
  const client = open({ transport });
  client.on('sync.progress', ({ pages }) => {
    if (pages === 6) delayMs = 3_000;
    if (pages === 8) delayMs = 10;
    isLost = pages === 10;
    if (isLost) delayMs = 4_000;
  });
  await clock.advance(60_000);
  expect(asked.slice(0, 6)).toEqual([250, 375, 500, 625, 700, 700]);
  expect(asked.slice(6, 10)).toEqual([700, 350, 175, 300]);
  expect(asked.slice(10, 12)).toEqual([425, 212]);
  expect(client.query(todos)).toHaveLength(6_000);
});
