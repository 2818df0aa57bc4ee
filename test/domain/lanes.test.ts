import { describe, expect, test } from 'vitest';
import { AGING_MS, TRANSPORT, type Gate, type Turn } from '../../src/domain/lanes.js';
import { PRIORITIES } from '../../src/domain/mutation.js';
import { begin, item as m, lanesOf, OPEN, shown, type Item } from './lanesModel.js';

const turn: Turn = { now: 100, ordered: true, gate: () => OPEN, alone: 4 };
const gated = (gate: Partial<Gate>, rest: Partial<Turn> = {}): Turn => ({
  ...turn,
  gate: () => ({ ...OPEN, ...gate }),
  ...rest,
});
const selected = (queue: readonly Item[], how: Turn = turn) => shown(lanesOf(...queue).select(how, begin));
const batchOf = (queue: readonly Item[], how?: Turn): string[] => selected(queue, how).batch;
const runOf = (...members: Item[]) => ({ members, join: () => false });

describe('SC1 lanes', () => {
  const queue = [m('x', { token: 'x1' }), m('x', { token: 'x2' }), m('y', { token: 'y1' })];

  test('an ordered transport takes several of one lane in one batch, in order', () =>
    expect(batchOf(queue)).toEqual(['x1', 'x2', 'y1']));

  test('any other transport takes one of each lane', () =>
    expect(batchOf(queue, { ...turn, ordered: false })).toEqual(['x1', 'y1']));

  test('those sent alone go one of each lane at a time', () => {
    const own = queue.map((one) => ({ ...one, route: 'f' }));
    expect(selected(own)).toMatchObject({ batch: [], alone: ['x1', 'y1'] });
    expect(selected(own, { ...turn, alone: 1 }).alone).toEqual(['x1']);
    expect(selected(own, gated({ room: 1 })).alone).toEqual(['x1']);
  });

  test('one that follows a mutation of another way of sending waits for it', () => {
    const [x1, x2] = [m('x', { token: 'x1' }), m('x', { token: 'x2', route: 'f' })];
    expect(selected([x1, x2])).toMatchObject({ batch: ['x1'], alone: [] });
    expect(selected([x1, { ...x2, seq: 0 }])).toMatchObject({ batch: [], alone: ['x2'] });
  });

  test('nothing rides behind one whose answer it needs', () => {
    const parent = m('x', { token: 'x1', closing: true });
    const later = [
      m('x', { token: 'x2' }),
      m('y', { token: 'y1', dependsOn: ['x1'] }),
      m('z', { token: 'z1' }),
    ];
    expect(batchOf([parent, ...later])).toEqual(['x1', 'z1']);
    expect(batchOf(later)).toEqual(['x2', 'y1', 'z1']);
  });

  test('what is left out closes its lanes: nobody overtakes it', () => {
    const both = m('x', { token: 'xy', lanes: ['x', 'y'] });
    const first = m('x', { token: 'x1', seq: 0, dueAt: 500 });
    expect(batchOf([first, both, m('y', { token: 'y1' })])).toEqual([]);
  });

  test('one of two lanes rides behind one of each', () =>
    expect(
      batchOf([m('x', { token: 'x1' }), m('y', { token: 'y1' }), m('', { token: 'xy', lanes: ['x', 'y'] })]),
    ).toEqual(['x1', 'y1', 'xy']));

  test('a lane named twice is one lane', () =>
    expect(batchOf([m('', { token: 'x1', lanes: ['x', 'x'] })])).toEqual(['x1']));

  test('one that is added twice is there once, as it is now', () => {
    const twice = m('x', { token: 'x1' });
    const lanes = lanesOf(twice, m('x', { token: 'x2' }));
    twice.sending = true;
    lanes.add(twice);
    expect(shown(lanes.select(turn, begin)).batch).toEqual([]);
    twice.sending = false;
    lanes.add(twice);
    expect(shown(lanes.select(turn, begin)).batch).toEqual(['x1', 'x2']);
  });

  test('one that became known late takes its place in the order', () => {
    const lanes = lanesOf(m('x', { token: 'x1', seq: 1 }), m('x', { token: 'x4', seq: 4 }));
    for (const seq of [2, 3]) lanes.add(m('x', { token: `x${seq}`, seq }));
    lanes.add(m('x', { token: 'x0', seq: 0 }));
    expect(shown(lanes.select(turn, begin)).batch).toEqual(['x0', 'x1', 'x2', 'x3', 'x4']);
  });

  test('one that is stored after another tab has stored its own moves behind it', () => {
    const unstored = { seq: Infinity, dueAt: Infinity };
    const [mine, next] = [m('x', { token: 'mine', ...unstored }), m('x', { token: 'next', ...unstored })];
    const lanes = lanesOf(mine, next, m('x', { token: 'theirs', seq: 7 }));
    expect(shown(lanes.select(turn, begin)).batch).toEqual(['theirs']);
    for (const [one, seq] of [
      [next, 8],
      [mine, 6],
    ] as const) {
      Object.assign(one, { seq, dueAt: 0 });
      lanes.refresh(one);
    }
    expect(shown(lanes.select(turn, begin)).batch).toEqual(['mine', 'theirs', 'next']);
  });

  test('one that could not be stored is gone, and what names one that is not stored yet is told of it', () => {
    const unstored = { seq: Infinity, dueAt: Infinity };
    const [first, second] = ['t1', 't2'].map((token) => m('x', { token, dependsOn: ['t0'], ...unstored }));
    const lanes = lanesOf(first!, second!);
    expect(lanes.dependents('t0')).toEqual([first, second]);
    lanes.remove(first!);
    expect(lanes.dependents('t0')).toEqual([second]);
  });
});

describe('SC2 priority', () => {
  test('MU6 critical goes first, background last, and of one priority the oldest', () => {
    const queue = PRIORITIES.toReversed().map((priority) => m(priority, { token: priority, priority }));
    expect(batchOf([...queue, m('late', { token: 'late', priority: 'critical' })])).toEqual([
      'critical',
      'late',
      'high',
      'normal',
      'low',
      'background',
    ]);
  });

  test('priority never overtakes within a lane', () =>
    expect(
      batchOf([
        m('x', { token: 'x1', priority: 'background' }),
        m('x', { token: 'x2', priority: 'critical' }),
      ]),
    ).toEqual(['x1', 'x2']));

  test('a mutation lends its priority to the lane mates it waits for', () => {
    const queue = [
      m('y', { token: 'y1' }),
      m('x', { token: 'x1', priority: 'background' }),
      m('x', { token: 'x2', priority: 'critical' }),
    ];
    expect(batchOf(queue, gated({ room: 1 }))).toEqual(['x1']);
    expect(batchOf(queue, gated({ room: 1 }, { ordered: false }))).toEqual(['x1']);
  });

  test('a mutation lends its priority to what it depends on, and that to what it waits for', () => {
    const queue = [
      m('y', { token: 'y1' }),
      m('x', { token: 'x1', priority: 'low' }),
      m('x', { token: 'x2', priority: 'background' }),
      m('z', { token: 'z1', priority: 'critical', dependsOn: ['x2'] }),
    ];
    expect(batchOf(queue, gated({ room: 1 }))).toEqual(['x1']);
    expect(batchOf(queue, gated({ room: 1 }, { ordered: false }))).toEqual(['x1']);
  });

  test('what was lent is kept when its cause is gone', () => {
    const urgent = m('x', { priority: 'critical' });
    const lanes = lanesOf(m('y'), m('x', { token: 'x1', seq: 0, priority: 'low' }), urgent);
    lanes.remove(urgent);
    expect(shown(lanes.select(gated({ room: 1 }), begin)).batch).toEqual(['x1']);
  });

  test('waiting raises priority by one per minute, so nobody starves', () => {
    const old = m('old', { token: 'old', priority: 'background', since: 0 });
    const fresh = (now: number) => [m('a', { token: 'high', priority: 'high', since: now }), old];
    const at = (now: number) => batchOf(fresh(now), gated({ room: 1 }, { now }));
    expect(at(3 * 60_000 - 1)).toEqual(['high']);
    expect(at(3 * 60_000)).toEqual(['old']); // as good now, and older
  });

  test('all that wait equally long keep their priorities, however long it is', () => {
    const queue = [
      m('a', { token: 'a', priority: 'background' }),
      m('b', { token: 'b', priority: 'critical' }),
    ];
    expect(batchOf(queue, { ...turn, now: 60 * AGING_MS })).toEqual(['b', 'a']);
  });

  test('routes compete for what may be sent alone', () => {
    const queue = [
      m('x', { token: 'x1', route: 'f' }),
      m('y', { token: 'y1', route: 'g', priority: 'high' }),
      m('z', { token: 'z1', route: 'f' }),
    ];
    expect(selected(queue, { ...turn, alone: 2 }).alone).toEqual(['y1', 'x1']);
    expect(selected(queue, gated({ room: 1 })).alone).toEqual(['y1', 'x1']);
  });
});

describe('SC3 what waits delays only its own', () => {
  test('a waiting head blocks its lane and nobody else, and says when to look again', () => {
    const queue = [m('x', { dueAt: 500 }), m('x'), m('y', { token: 'y1' }), m('z', { dueAt: 300 })];
    expect(selected(queue)).toEqual({ batch: ['y1'], alone: [], nextAt: 300 });
  });

  test('what has become due goes', () => {
    const lanes = lanesOf(m('x', { token: 'x1', dueAt: 500 }));
    expect(shown(lanes.select(turn, begin))).toEqual({ batch: [], alone: [], nextAt: 500 });
    expect(shown(lanes.select({ ...turn, now: 500 }, begin))).toEqual({
      batch: ['x1'],
      alone: [],
      nextAt: Infinity,
    });
  });

  test('one in flight blocks its lane until it is decided', () => {
    const flying = m('x', { sending: true });
    const lanes = lanesOf(flying, m('x', { token: 'x2' }), m('y', { token: 'y1' }));
    expect(shown(lanes.select(turn, begin)).batch).toEqual(['y1']);
    lanes.remove(flying);
    expect(shown(lanes.select(turn, begin)).batch).toEqual(['x2', 'y1']);
  });

  test('a parked one is never due', () =>
    expect(selected([m('x', { dueAt: Infinity })]).nextAt).toBe(Infinity));

  test('dependents wait for what they depend on, across lanes', () => {
    const queue = [
      m('x', { token: 'x1', dueAt: 500 }),
      m('y', { token: 'y1', dependsOn: ['x1'] }),
      m('z', { token: 'z1', dependsOn: ['y1'] }),
    ];
    expect(batchOf(queue)).toEqual([]);
  });

  test('what it depends on has been decided long ago: nothing to wait for', () =>
    expect(batchOf([m('x', { token: 'x1', dependsOn: ['gone'] })])).toEqual(['x1']));

  test('what it depends on comes later: nothing to wait for, or a circle would stop both', () => {
    const queue = [m('x', { token: 'x1', dependsOn: ['y1'] }), m('y', { token: 'y1', dependsOn: ['x1'] })];
    expect(batchOf(queue)).toEqual(['x1', 'y1']);
    expect(batchOf(queue, { ...turn, ordered: false })).toEqual(['x1']);
  });

  test('one that was changed without a word goes late, never early', () => {
    const [held, flying] = [m('x', { token: 'x1' }), m('y', { token: 'y1' })];
    const lanes = lanesOf(held, flying, m('x'), m('z', { token: 'z1' }));
    held.dueAt = 500;
    flying.sending = true;
    expect(shown(lanes.select(turn, begin))).toEqual({ batch: ['z1'], alone: [], nextAt: 500 });
  });

  test('dependents are known by what they name, in order', () => {
    const lanes = lanesOf(
      m('x', { token: 'b', dependsOn: ['t', 't'], seq: 2 }),
      m('y', { token: 'c', dependsOn: ['u'] }),
    );
    lanes.add(m('x', { token: 'a', dependsOn: ['t'], seq: 1 }));
    expect(lanes.dependents('t').map(({ token }) => token)).toEqual(['a', 'b']);
    expect(lanes.dependents('c')).toEqual([]);
  });
});

test('SC3 one that has failed goes last with its followers: a server that stops at it has decided the others', () => {
  const failed = m('x', { token: 'x1', priority: 'critical', suspect: true });
  const queue = [
    failed,
    m('x', { token: 'x2' }),
    m('y', { token: 'y1', priority: 'background' }),
    m('z', { token: 'z1', dependsOn: ['x1'] }),
  ];
  expect(batchOf(queue)).toEqual(['y1', 'x1', 'x2', 'z1']);
  const other = m('w', { token: 'w1', seq: failed.seq, place: failed.place + 0.5, suspect: true });
  expect(batchOf([...queue, other])).toEqual(['y1', 'x1', 'w1', 'x2', 'z1']);
});

describe('CO3 what merges', () => {
  const one = (token: string, rest: Partial<Item> = {}) => m('x', { token, kind: -1, ...rest });

  test('a run takes in what follows it, in the place of its first, and counts once', () => {
    const queue = [one('x1'), m('y', { token: 'y1' }), one('x2'), one('x3')];
    expect(batchOf(queue)).toEqual(['x1+x2+x3', 'y1']);
    expect(batchOf(queue, gated({ room: 1 }))).toEqual(['x1+x2+x3']);
    expect(batchOf(queue, { ...turn, ordered: false })).toEqual(['x1+x2+x3', 'y1']);
  });

  test.each<[string, Partial<Item>]>([
    ['has other lanes', { lanes: ['x', 'y'] }],
    ['goes another way', { route: 'f' }],
    ['is in flight', { sending: true }],
    ['is not due', { dueAt: 500 }],
    ['depends on something pending', { dependsOn: ['a1'] }],
    ['has failed before', { suspect: true }],
    ['says no', { kind: -2 }],
  ])('it ends at the first that %s', (_, rest) => {
    const queue = [m('a', { token: 'a1' }), one('x1'), one('x2', rest), one('x3')];
    expect(batchOf(queue, { ...turn, ordered: false })).toEqual(['a1', 'x1']);
  });

  test('it goes on after one that depends on its own members', () =>
    expect(batchOf([one('x1'), one('x2', { dependsOn: ['x1'] })])).toEqual(['x1+x2']));

  test('it ends where another mutation stands between in one of its lanes', () => {
    const queue = [
      one('x1', { lanes: ['x', 'y'] }),
      m('y', { token: 'y1' }),
      one('x2', { lanes: ['y', 'x'] }),
    ];
    expect(batchOf(queue)).toEqual(['x1', 'y1', 'x2']);
    expect(batchOf([queue[0]!, queue[2]!])).toEqual(['x1+x2']);
  });

  test('one whose answer is needed may take others in, and nothing rides behind them', () => {
    for (const closing of [0, 1])
      expect(batchOf([0, 1].map((i) => one(`x${i}`, { closing: i === closing })).concat(m('x')))).toEqual([
        'x0+x1',
      ]);
  });

  test('what has its own function merges too, and riders do', () => {
    expect(selected([one('x1', { route: 'f' }), one('x2', { route: 'f' })]).alone).toEqual(['x1+x2']);
    expect(batchOf([m('x', { token: 'x0', seq: 0 }), one('x1'), one('x2')])).toEqual(['x0', 'x1+x2']);
  });
});

describe('RT4 RT5 gates', () => {
  const queue = [
    m('x', { token: 'x1', priority: 'low' }),
    m('x', { token: 'x2', priority: 'critical' }),
    m('y', { token: 'y1', priority: 'high', since: -60 * AGING_MS }),
  ];

  test('RT4 nothing goes before the gate opens; something ready says when that is', () => {
    expect(selected(queue, gated({ at: 700 }))).toEqual({ batch: [], alone: [], nextAt: 700 });
    expect(selected([m('x', { sending: true })], gated({ at: 700 })).nextAt).toBe(Infinity);
    expect(selected([m('x', { dueAt: 300 })], gated({ at: 700 })).nextAt).toBe(700);
  });

  test('RT4 a closed route holds nobody else', () => {
    const other = m('z', { token: 'z1', route: 'f' });
    const gate = (route: string) => (route === TRANSPORT ? { ...OPEN, at: 700 } : OPEN);
    expect(selected([...queue, other], { ...turn, gate })).toEqual({ batch: [], alone: ['z1'], nextAt: 700 });
  });

  test('RT5 until the network is calm only critical ones go, and what they wait for; age does not make one critical', () => {
    expect(selected(queue, gated({ calmUntil: 700 }))).toEqual({
      batch: ['x1', 'x2'],
      alone: [],
      nextAt: 700,
    });
    expect(selected(queue, { ...gated({ calmUntil: 700 }), now: 700 }).batch).toEqual(['y1', 'x1', 'x2']);
  });

  test('RT5 nothing rides behind a critical one unless it is critical itself', () =>
    expect(
      batchOf([m('x', { token: 'x1', priority: 'critical' }), m('x')], gated({ calmUntil: 700 })),
    ).toEqual(['x1']));
});

describe('TB3 right before sealing', () => {
  const [x1, x2, x3, y1] = ['x', 'x', 'x', 'y'].map((lane, i) =>
    m(lane, { token: `${lane}${i}`, seq: 10 * i + 10 }),
  );
  const queue = [x1!, x2!, x3!, y1!];
  const remaining = (pending: readonly Item[], ...runs: Item[][]) =>
    lanesOf(...pending)
      .inTurn(
        runs.map((members) => runOf(...members)),
        ({ dueAt }) => dueAt === 0,
      )
      .map((members) => members.map(({ token }) => token));

  test('what was chosen stays while nothing has come between', () =>
    expect(remaining(queue, [x1!, x2!], [y1!], [x3!])).toEqual([['x0', 'x1'], ['y3'], ['x2']]));

  test("another tab's earlier mutation drops the run, and all that follows in its lanes", () =>
    expect(remaining([...queue, m('x', { seq: 1 })], [x1!], [y1!], [x2!, x3!])).toEqual([[], ['y3'], []]));

  test("another tab's mutation in the middle of a run cuts it", () =>
    expect(remaining([...queue, m('x', { seq: 15 })], [x1!, x2!], [x3!])).toEqual([['x0'], []]));

  test('what is gone or forbidden meanwhile takes those with it that wait for it', () => {
    expect(remaining([x1!, { ...x2!, dueAt: 500 }, x3!], [x1!], [{ ...x2!, dueAt: 500 }], [x3!])).toEqual([
      ['x0'],
      [],
      [],
    ]);
    expect(remaining([x2!, y1!], [x1!, x2!], [y1!])).toEqual([[], ['y3']]);
  });

  test('what it depends on must go first', () => {
    const dependent = m('z', { token: 'z1', dependsOn: ['x0'] });
    expect(remaining([x1!, dependent], [dependent])).toEqual([[]]);
    expect(remaining([x1!, dependent], [x1!], [dependent])).toEqual([['x0'], ['z1']]);
  });
});
