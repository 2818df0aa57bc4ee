import { describe, expect, test } from 'vitest';
import { createDevice, thrownBy, todos } from './testClient.js';
import { logged, settlingsOf } from './wireLog.js';

const todo = (id: string) => ({ id, title: id });
const DAY = 86_400_000;

async function start() {
  const device = createDevice();
  const line = logged(device.server);
  const client = device.open({ transport: line });
  await device.settle();
  const keys = () => line.requests.flat().map((op) => op.split(' ')[0]);
  return { ...device, client, line, keys, settlings: settlingsOf(client) };
}

describe('MU5 sendAfter', () => {
  test('it shows at once, and is sent when its time has come, not before', async () => {
    const { client, clock, keys } = await start();
    client.insert(todos, todo('a'), { sendAfter: 5_000 });
    await clock.advance(4_999);
    expect([client.get(todos, 'a'), keys(), client.pending()]).toMatchObject([
      todo('a'),
      [],
      [{ state: 'delayed', nextAttemptAt: clock.now() + 1 }],
    ]);
    await clock.advance(1);
    expect([keys(), client.pending()]).toEqual([['t1.0'], []]);
  });

  test('its lane waits with it, others go on', async () => {
    const { client, clock, keys } = await start();
    client.insert(todos, todo('a'), { sendAfter: 5_000 });
    client.update(todos, 'a', { done: true });
    client.insert(todos, todo('b'));
    await clock.advance(4_999);
    expect(keys()).toEqual(['t3.0']);
    await clock.advance(1);
    expect(keys().slice(1)).toEqual(['t4.0']);
  });

  test('neither focus, nor the network, nor sync() shortens it', async () => {
    const { client, clock, keys, connectivity } = await start();
    client.insert(todos, todo('a'), { sendAfter: 5_000, priority: 'critical' });
    connectivity.setOnline(false);
    connectivity.setOnline(true);
    connectivity.wake();
    await client.sync();
    await clock.advance(4_999);
    expect(keys()).toEqual([]);
  });

  test('until then it can be taken back', async () => {
    const { client, clock, keys, settlings } = await start();
    const { token } = client.insert(todos, todo('a'), { sendAfter: 5_000 });
    await clock.advance(4_999);
    expect(await client.undo(token)).toBe('cancelled');
    await clock.advance(10_000);
    expect([keys(), settlings, client.get(todos, 'a')]).toEqual([[], ['cancelled t1'], undefined]);
  });

  test.each([
    ['the rest of it', 0, 3_000],
    ['no longer than was asked for, when the clock was set back', -DAY, 5_000],
    ['not at all, when the clock was set forward', DAY, 0],
  ])('after a reload it waits %s', async (_name, jump, rest) => {
    const { client, clock, keys, open, line, settle } = await start();
    client.insert(todos, todo('a'), { sendAfter: 5_000 });
    await clock.advance(2_000);
    await client.dispose();
    clock.jump(jump);
    const next = open({ transport: line });
    await settle();
    expect(next.get(todos, 'a')).toEqual(todo('a'));
    if (rest > 0) {
      await clock.advance(rest - 1);
      expect(keys()).toEqual([]);
      await clock.advance(1);
    }
    expect(keys()).toEqual(['t1.0']);
  });

  test.each([DAY, -DAY])('a jump of the clock by %s ms in between changes nothing', async (jump) => {
    const { client, clock, keys } = await start();
    client.insert(todos, todo('a'), { sendAfter: 5_000 });
    clock.jump(jump);
    await clock.advance(4_999);
    expect(keys()).toEqual([]);
    await clock.advance(1);
    expect(keys()).toEqual(['t1.0']);
  });

  test.each([-1, NaN, Infinity, 604_800_001, '5'])('%s is refused at the call', async (sendAfter) => {
    const { client } = await start();
    expect(thrownBy(() => client.insert(todos, todo('a'), { sendAfter: sendAfter as number }))).toMatch(
      /^INVALID_OPTIONS: "@insert": sendAfter is a number of milliseconds from 0 to 604800000, received /,
    );
    expect([client.get(todos, 'a'), client.pending()]).toEqual([undefined, []]);
  });
});
