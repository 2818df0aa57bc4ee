import {
  createLanes,
  TRANSPORT,
  type Gate,
  type Lanes,
  type Run,
  type Schedulable,
  type Turn,
} from '../../src/domain/lanes.js';
import { keyOf } from '../../src/domain/changes.js';
import { createMerge, type Mergeable } from '../../src/domain/merge.js';
import { PRIORITIES, type Lane, type Priority } from '../../src/domain/mutation.js';
import { idOf, tasks, titleOf } from './tasks.js';
import { check, equal, nextTask, type Measurement, type Workload } from './workload.js';

type Item = Schedulable & Mergeable;

const BATCH = 100;
const PER_ROW = 20;

/** One row in ten is urgent, one is an import. */
const priorityOf = (row: number): Priority =>
  row % 10 === 3 ? 'high' : row % 10 === 7 ? 'background' : 'normal';

/** `count` edits of a twentieth as many rows, in turn. */
function queueOf(count: number): Item[] {
  const rows = count / PER_ROW;
  return Array.from({ length: count }, (_, n) => {
    const id = idOf(n % rows);
    const title = titleOf(n);
    const change = {
      kind: 'update',
      collection: tasks.name,
      id,
      patch: { title },
      unset: [],
      previous: {},
    } as const;
    return {
      token: crypto.randomUUID(),
      rev: 0,
      name: '@update',
      schema: 1,
      variables: undefined,
      changes: [change],
      lanes: [keyOf(change)],
      dependsOn: [],
      createdAt: 1_700_000_000_000 + n,
      priority: priorityOf(n % rows),
      coalesce: undefined,
      apart: false,
      route: TRANSPORT,
      closing: false,
      suspect: false,
      sending: false,
      dueAt: 0,
      since: 0,
      seq: Math.floor(n / 256),
      place: n % 256,
      unfiled: false,
    };
  });
}

const OPEN: Gate = { at: 0, calmUntil: 0, room: BATCH };
const TURN: Turn = { now: 1, ordered: true, gate: () => OPEN, alone: 4 };
const single = (first: Item): Run<Item> => ({ members: [first], join: () => false });
const merge = (first: Item): Run<Item> => createMerge(first, () => undefined);

const tokensOf = (runs: readonly Run<Item>[]): string[][] =>
  runs.map(({ members }) => members.map(({ token }) => token));

/**
 * The least that a queue without an index can do: it looks at every mutation, first for what is lent in its lanes, then
 * whether it may go, and of each priority keeps as many as fit into the batch.
 */
function scan(queue: readonly Item[]): Item[] {
  const rankOf = new Map<Lane, number>();
  for (const { lanes, priority } of queue) {
    const rank = PRIORITIES.indexOf(priority);
    for (const lane of lanes) rankOf.set(lane, Math.min(rank, rankOf.get(lane) ?? rank));
  }
  const closed = new Set<Lane>();
  const byRank: Item[][] = PRIORITIES.map(() => []);
  for (const one of queue) {
    const goes = !one.sending && one.dueAt <= TURN.now && !one.lanes.some((lane) => closed.has(lane));
    if (!goes) for (const lane of one.lanes) closed.add(lane);
    const chosen = byRank[Math.min(...one.lanes.map((lane) => rankOf.get(lane) ?? 0))]!;
    if (goes && chosen.length < BATCH) chosen.push(one);
  }
  return byRank.flat().slice(0, BATCH);
}

/** The time of one selection: the mean of as many as take some time, after as many to warm up: on a busy machine that takes longer. */
async function perSelection(times: number, select: () => unknown): Promise<number> {
  for (let i = 0; i < times; i++) select();
  await nextTask();
  const start = performance.now();
  for (let i = 0; i < times; i++) select();
  return (performance.now() - start) / times;
}

function indexed(queue: readonly Item[]): { lanes: Lanes<Item>; counts: Record<string, number> } {
  const lanes = createLanes<Item>();
  const start = performance.now();
  for (const one of queue) lanes.add(one);
  return { lanes, counts: { 'ms to index all': Math.round((performance.now() - start) * 10) / 10 } };
}

async function scanned(count: number): Promise<Measurement> {
  const queue = queueOf(count);
  const ms = await perSelection(Math.max(5, 200_000 / count), () => scan(queue));
  equal(scan(queue).length, Math.min(count, BATCH), 'mutations found');
  return { value: ms * 1e3 };
}

async function index(count: number): Promise<Measurement> {
  const queue = queueOf(count);
  const { lanes, counts } = indexed(queue);
  const ms = await perSelection(2_000, () => lanes.select(TURN, single));
  const expected = scan(queue).map(({ token }) => [token]);
  equal(tokensOf(lanes.select(TURN, single).batch), expected, 'the batch');
  return { value: ms * 1e3, counts };
}

/** As the worker does it: each of the batch takes in what follows it in its lane. */
async function merging(count: number): Promise<Measurement> {
  const queue = queueOf(count);
  const { lanes } = indexed(queue);
  const ms = await perSelection(Math.max(200, 100_000 / count), () => lanes.select(TURN, merge));
  const { batch } = lanes.select(TURN, merge);
  const runs = Math.min(BATCH, count / PER_ROW);
  equal(batch.length, runs, 'runs');
  check(
    batch.every(
      ({ members }) =>
        members.length === PER_ROW && members.every((m) => m.lanes[0] === members[0]?.lanes[0]),
    ),
    'each run has all edits of its row',
  );
  return { value: ms * 1e3, counts: { runs, mutations: runs * PER_ROW } };
}

const of = (count: number, label: string): Workload => ({
  id: `select-${count}`,
  name: `select a batch of 100, ${label} pending`,
  unit: 'µs',
  floors: { 'scan of the queue': () => scanned(count) },
  parts: { 'Holdfast, index': () => index(count), 'Holdfast, index and merging': () => merging(count) },
});

export const select: readonly Workload[] = [of(100, '100'), of(10_000, '10,000'), of(100_000, '100,000')];
