import { describe, expect, test } from 'vitest';
import { defineMutation } from '../../src/domain/definition.js';
import type { SyncClient } from '../../src/engine/client.js';
import type { WireOp } from '../../src/testing/scriptedServer.js';
import { createDevice, deaf, heldTransport, outcomeOf, todos } from './testClient.js';
import { settlingsOf } from './wireLog.js';

const milk = { id: 'a', title: 'milk' };
const rename = defineMutation({
  name: 'rename',
  onRejected: 'hold',
  optimistic: (tx, { id, title }: { id: string; title: string }) => tx.update(todos, id, { title }),
});

/** A tab that drains, its pushes held by the test, and one that does not; the server refuses whatever says "bad". */
async function start(own: Parameters<ReturnType<typeof createDevice>['open']>[0] = {}) {
  const device = createDevice();
  device.server.put('todos', 'a', milk);
  device.server.refuse((op: WireOp) => JSON.stringify(op).includes('bad') && 422);
  const line = heldTransport(device.server, device.clock);
  const options = {
    mutations: [rename],
    timeoutMs: 1e9,
    transport: { ...line, pull: device.server.pull.bind(device.server) },
  };
  const leader = device.open(options);
  await device.settle();
  const other = device.open({ ...options, ...own });
  await device.settle();
  /** Lets everything through that is on its way, and what follows. */
  const pass = async (): Promise<void> => {
    for (let i = 0; i < line.pushes.length; i++) await line.pushes[i]?.pass();
    await device.settle();
  };
  const settlings = { leader: settlingsOf(leader), other: settlingsOf(other) };
  return { ...device, line, options, leader, other, pass, settlings };
}

const statesOf = (tab: SyncClient): string[] => tab.pending().map(({ token, state }) => `${token} ${state}`);
const shownBy = (tab: SyncClient) => [
  tab.query(todos),
  statesOf(tab),
  tab.deadLetters(),
  tab.status.get().failed,
];

describe('TB1 what the tab that drains does, the other one follows', () => {
  test('a merge is under way there: its members can no longer be taken back here', async () => {
    const { leader, other, settle } = await start();
    leader.pause();
    const { token } = other.update(todos, 'a', { title: 'oat' });
    other.update(todos, 'a', { done: true });
    await settle();
    leader.resume();
    await settle();
    expect(other.pending().map(({ sealed }) => sealed)).toEqual([true, true]);
    await expect(other.rollback(token)).rejects.toMatchObject({ code: 'ALREADY_SENT' });
    expect(other.get(todos, 'a')).toEqual({ ...milk, title: 'oat', done: true });
  });

  test('it is annulled there: success here', async () => {
    const { leader, other, settle, settlings, line } = await start();
    leader.pause();
    const outcomes = [other.insert(todos, { id: 'b', title: 'b' }), other.delete(todos, 'b')].map(
      ({ confirmed }) => outcomeOf(confirmed),
    );
    await settle();
    leader.resume();
    await settle();
    expect([outcomes.map(({ now }) => now), settlings.other, line.pushes]).toEqual([
      ['resolved', 'resolved'],
      ['annulled t1', 'annulled t2'],
      [],
    ]);
  });

  test('CO6 it is split there: they can be taken back here again, and only the guilty one is refused', async () => {
    const { leader, other, line, settle, settlings, pass } = await start();
    leader.pause();
    other.update(todos, 'a', { done: true });
    other.update(todos, 'a', { title: 'bad' });
    other.update(todos, 'a', { n: 1 });
    await settle();
    leader.resume();
    await settle();
    leader.pause();
    await line.pushes[0]?.pass();
    expect(other.pending().map(({ token, sealed }) => `${token} ${sealed}`)).toEqual([
      't1 false',
      't2 false',
      't3 false',
    ]);
    expect([await other.rollback('t3'), other.get(todos, 'a')]).toEqual([
      'cancelled',
      { ...milk, title: 'bad', done: true },
    ]);
    leader.resume();
    await settle();
    await pass();
    expect(settlings.other).toEqual(['cancelled t3', 'confirmed t1', 'rejected t2 REFUSED']);
    expect(shownBy(other)).toEqual(shownBy(leader));
  });

  test('CO6 it is split there, and that tab goes: this one sends them one by one, and does not merge them again', async () => {
    const { leader, other, line, settle, pass } = await start();
    leader.pause();
    other.update(todos, 'a', { done: true });
    other.update(todos, 'a', { title: 'bad' });
    await settle();
    leader.resume();
    await settle();
    leader.pause();
    await line.pushes[0]?.pass();
    await leader.dispose();
    await settle();
    await pass();
    expect(line.pushes.map(({ tokens }) => tokens)).toEqual([['t3'], ['t1', 't2']]);
  });

  test('SC4 its dependents are refused there: with the cause here', async () => {
    const { other, settle, pass, leader } = await start();
    const first = other.insert(todos, { id: 'b', title: 'bad' });
    await settle();
    const second = other.insert(todos, { id: 'c', title: 'c' }, { dependsOn: [first.token] });
    const outcome = outcomeOf(second.confirmed);
    await settle();
    await pass();
    expect([outcome.now, other.deadLetters().map(({ causedBy }) => causedBy)]).toEqual([
      'rejected DEPENDENCY',
      [undefined, first.token],
    ]);
    expect(shownBy(other)).toEqual(shownBy(leader));
  });
});

describe('TB4 a tab that heard nothing of it all', () => {
  /** It reads what it missed when it writes something itself. */
  async function wake({ other, settle }: Awaited<ReturnType<typeof start>>): Promise<void> {
    other.insert(todos, { id: `z${other.pending().length}`, title: 'z' });
    await settle();
  }

  test('finds its mutations confirmed, refused, split, and what became of each, once', async () => {
    const started = await start({ tabs: deaf });
    const { other, settle, settlings, pass, leader } = started;
    leader.pause();
    const outcomes = [
      other.update(todos, 'a', { done: true }),
      other.update(todos, 'a', { title: 'bad' }),
      other.insert(todos, { id: 'b', title: 'b' }),
      other.delete(todos, 'b'),
    ].map(({ confirmed }) => outcomeOf(confirmed));
    await settle();
    await leader.sync();
    leader.resume();
    await leader.sync({ direction: 'pull' });
    await pass();
    expect(settlings.other).toEqual([]);
    await wake(started);
    expect(outcomes.map(({ now }) => now)).toEqual(['resolved', 'rejected REFUSED', 'resolved', 'resolved']);
    expect(settlings.other.sort()).toEqual([
      'annulled t3',
      'annulled t4',
      'confirmed t1',
      'rejected t2 REFUSED',
    ]);
    expect(other.get(todos, 'a')).toEqual({ ...milk, done: true });
  });

  test('finds what was held, repaired, retried and discarded meanwhile', async () => {
    const started = await start({ tabs: deaf });
    const { other, settle, pass, leader, server } = started;
    const held = outcomeOf(other.mutate(rename, { id: 'a', title: 'bad' }).confirmed);
    const gone = outcomeOf(other.insert(todos, { id: 'b', title: 'bad' }).confirmed);
    const later = outcomeOf(other.insert(todos, { id: 'c', title: 'bad' }).confirmed);
    await settle();
    await leader.sync({ direction: 'pull' });
    await pass();
    await leader.sync({ direction: 'pull' });
    await pass();
    leader.retry('t1', { id: 'a', title: 'good' });
    leader.retry('t3', { id: 'c', title: 'good' });
    await leader.discard('t2');
    await settle();
    await pass();
    expect([held.now, gone.now, later.now]).toEqual(['open', 'open', 'open']);
    await wake(started);
    await settle();
    await pass();
    for (const tab of [other, leader])
      expect([tab.get(todos, 'a'), tab.get(todos, 'b'), tab.get(todos, 'c')]).toEqual([
        { ...milk, title: 'good' },
        undefined,
        { id: 'c', title: 'good' },
      ]);
    expect(server.get('todos', 'c')).toEqual({ id: 'c', title: 'good' });
    expect([held.now, gone.now, later.now]).not.toContain('open');
    expect([other.deadLetters(), leader.deadLetters(), leader.pending()]).toEqual([[], [], []]);
  });
});
