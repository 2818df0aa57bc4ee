import { describe, expect, test } from 'vitest';
import { defineMutation } from '../../src/domain/definition.js';
import {
  createDevice,
  deaf,
  everybody,
  heldTransport,
  outcomeOf,
  refused,
  todos,
} from '../engine/testClient.js';

const todo = (id: string) => ({ id, title: id });
const plusOne = defineMutation({
  name: 'plusOne',
  optimistic: (tx, id: string) =>
    tx.update(todos, id, (draft) => {
      draft.n = (draft.n ?? 0) + 1;
    }),
});

describe('TB1 one tab drains, every tab sees', () => {
  test("the second tab's mutation is drained by the first, and its promises settle", async () => {
    const device = createDevice();
    const line = heldTransport(device.server, device.clock);
    const [one, two] = [device.open({ transport: line }), device.open({ transport: line })];
    await device.settle();
    expect([one.status.get().leader, two.status.get().leader]).toEqual([true, false]);
    const handle = two.insert(todos, todo('a'));
    const log = [handle.enqueued, handle.acknowledged, handle.confirmed].map(outcomeOf);
    await device.settle();
    expect(one.get(todos, 'a')).toEqual(todo('a'));
    expect(log.map(({ now }) => now)).toEqual(['resolved', 'open', 'open']);
    await line.pushes[0]?.pass();
    expect(line.pushes).toHaveLength(1);
    expect(log.map(({ now }) => now)).toEqual(['resolved', 'resolved', 'resolved']);
    for (const tab of [one, two])
      expect([tab.pending(), tab.get(todos, 'a'), tab.status.get().phase]).toEqual([[], todo('a'), 'synced']);
  });

  test('a refusal reaches the tab that called, with its error, and is a dead letter in both', async () => {
    const device = createDevice();
    const line = heldTransport(device.server, device.clock);
    const [one, two] = [device.open({ transport: line }), device.open({ transport: line })];
    await device.settle();
    const { confirmed } = two.insert(todos, todo('a'));
    const outcome = outcomeOf(confirmed);
    await device.settle();
    await line.pushes[0]?.answer(refused);
    expect(outcome.now).toBe('rejected REFUSED');
    for (const tab of [one, two])
      expect([
        tab.get(todos, 'a'),
        tab.deadLetters().map(({ token }) => token),
        tab.status.get().failed,
      ]).toEqual([undefined, ['t1'], 1]);
  });

  test('a result reaches the tab that called', async () => {
    const close = defineMutation<string, { closed: string }>({
      name: 'close',
      command: true,
      optimistic: (tx, id) => tx.delete(todos, id),
    });
    const device = createDevice({
      commands: { close: (id: string, tx) => (tx.delete('todos', id), { closed: id }) },
    });
    device.server.put('todos', 'a', todo('a'));
    const [, two] = [device.open({ mutations: [close] }), device.open({ mutations: [close] })];
    await device.settle();
    const { acknowledged } = two.mutate(close, 'a');
    await device.settle();
    expect(await acknowledged).toEqual({ closed: 'a' });
  });

  test('OS1 what is sealed is told as sealed in every tab, and cannot be rolled back there', async () => {
    const device = createDevice();
    const line = heldTransport(device.server, device.clock);
    const [, two] = [device.open({ transport: line }), device.open({ transport: line })];
    await device.settle();
    two.insert(todos, todo('a'));
    expect(two.pending()).toMatchObject([{ sealed: false }]);
    await device.settle();
    expect(two.pending()).toMatchObject([{ sealed: true }]);
    await expect(two.rollback('t1')).rejects.toMatchObject({ code: 'ALREADY_SENT' });
  });

  test('a rollback in one tab takes it back in both, and the leader does not send it', async () => {
    const device = createDevice();
    const [one, two] = [device.open(), device.open()];
    await device.settle();
    one.pause();
    const { token, confirmed } = one.insert(todos, todo('a'));
    const outcome = outcomeOf(confirmed);
    await device.settle();
    expect(await two.rollback(token)).toBe('cancelled');
    await device.settle();
    expect([outcome.now, one.get(todos, 'a'), two.get(todos, 'a')]).toEqual([
      'rejected CANCELLED',
      undefined,
      undefined,
    ]);
    one.resume();
    await device.settle();
    expect(device.server.journal).toEqual([]);
  });

  test('ST2 pending mutations of both tabs make one view, in the order of the storage', async () => {
    const device = createDevice();
    device.server.put('todos', 'a', { ...todo('a'), n: 0 });
    const [one, two] = [device.open({ mutations: [plusOne] }), device.open({ mutations: [plusOne] })];
    await device.settle();
    one.pause();
    one.mutate(plusOne, 'a');
    two.mutate(plusOne, 'a');
    two.update(todos, 'a', { title: 'two' });
    one.update(todos, 'a', { title: 'one' });
    await device.settle();
    expect(one.get(todos, 'a')).toEqual(two.get(todos, 'a'));
    expect(one.get(todos, 'a')?.n).toBe(2);
    expect(one.pending().map(({ token }) => token)).toEqual(two.pending().map(({ token }) => token));
  });
});

test('SC5 sync in a tab that does not drain, or while paused, tells the tab that does and resolves', async () => {
  const device = createDevice();
  const [one, two] = [device.open(), device.open()];
  await device.settle();
  one.pause();
  const paused = one.sync();
  const followed = two.sync();
  await device.clock.advance(100);
  expect((await paused).pulled).toBeUndefined();
  expect(await followed).toMatchObject({ pulled: undefined, summary: { attempted: 0 } });
});

describe('TB2 when the leader goes, the next takes over', () => {
  test('with what the former left unsent and undecided, each effect once', async () => {
    const device = createDevice();
    const line = heldTransport(device.server, device.clock);
    const [one, two] = [device.open({ transport: line }), device.open({ transport: line })];
    await device.settle();
    const handles = ['a', 'b'].map((id) => two.insert(todos, todo(id)));
    await device.settle();
    await device.server.push([{ token: 't1', rev: 0, body: line.pushes[0]?.bodies[0] ?? '' }], {
      signal: new AbortController().signal,
    });
    await one.dispose();
    await device.settle();
    expect(two.status.get().leader).toBe(true);
    expect(line.pushes[1]).toMatchObject({ keys: line.pushes[0]?.keys, bodies: line.pushes[0]?.bodies });
    await line.pushes[1]?.pass();
    await Promise.all(handles.map(({ confirmed }) => confirmed));
    expect(handles.map(({ token }) => device.server.timesApplied(token))).toEqual([1, 1]);
  });
});

describe('TB3 two drainers on one disk', () => {
  test.each([
    ['who hear each other', undefined],
    ['who hear nothing', deaf],
  ])('%s: each effect once, each token settles once in its tab', async (_name, tabs) => {
    const device = createDevice({ lease: everybody });
    const open = () => device.open({ mutations: [plusOne], ...(tabs && { tabs }) });
    const both = [open(), open()] as const;
    await device.settle();
    const settled: string[] = [];
    both.forEach((tab, i) => {
      for (const event of ['mutation.confirmed', 'mutation.rejected'] as const)
        tab.on(event, ({ token }) => settled.push(`${i} ${token}`));
    });
    device.server.refuse((op) => op.kind === 'insert' && op.id === 'bad' && 422);
    const handles = both.flatMap((tab, i) => [
      tab.insert(todos, { ...todo(`of${i}`), n: 0 }),
      tab.mutate(plusOne, `of${i}`),
      tab.mutate(plusOne, `of${i}`),
      ...(i === 0 ? [tab.insert(todos, todo('bad'))] : []),
    ]);
    const outcomes = handles.map(({ confirmed }) => outcomeOf(confirmed));
    await device.clock.advance(120_000);
    expect(both.map((tab) => [tab.status.get().leader, tab.pending().length])).toEqual([
      [true, 0],
      [true, 0],
    ]);
    expect(handles.map(({ token }) => device.server.timesApplied(token))).toEqual([1, 1, 1, 0, 1, 1, 1]);
    expect(outcomes.map(({ now }) => now)).toEqual([
      'resolved',
      'resolved',
      'resolved',
      'rejected REFUSED',
      'resolved',
      'resolved',
      'resolved',
    ]);
    expect(settled.length).toBe(new Set(settled).size);
    for (const tab of both) {
      await tab.sync();
      expect(new Map(tab.query(todos).map((row) => [row.id, row]))).toEqual(device.server.rows('todos'));
      expect(tab.deadLetters()).toHaveLength(1);
    }
  });

  test('a thawed leader whose answer comes late changes nothing', async () => {
    const device = createDevice({ lease: everybody });
    const frozen = heldTransport(device.server, device.clock);
    const line = heldTransport(device.server, device.clock);
    const one = device.open({ transport: frozen, timeoutMs: 1e9 });
    const two = device.open({ transport: line, timeoutMs: 1e9 });
    await device.settle();
    const { confirmed } = one.insert(todos, todo('a'));
    const outcome = outcomeOf(confirmed);
    await device.settle();
    expect(frozen.pushes[0]?.bodies).toEqual(line.pushes[0]?.bodies);
    await line.pushes[0]?.pass();
    await frozen.pushes[0]?.answer(refused);
    expect(outcome.now).toBe('resolved');
    for (const tab of [one, two]) expect([tab.get(todos, 'a'), tab.deadLetters()]).toEqual([todo('a'), []]);
  });
});
