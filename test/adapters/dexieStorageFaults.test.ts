import { IDBFactory, IDBKeyRange, IDBObjectStore } from 'fake-indexeddb';
import { describe, expect, test, vi } from 'vitest';
import { dexieStorage } from '../../src/adapters/dexieStorage.js';
import type { SyncStorage } from '../../src/engine/ports.js';
import { mutation, outcome, row, rowsRead } from '../../src/testing/storageSamples.js';
import {
  countOf,
  damage,
  forceClose,
  garble,
  injectFaults,
  openedOn,
  trackedFactory,
} from './dexieStorageFaults.js';

const tokens = async (storage: SyncStorage) =>
  (await storage.load()).log.flatMap((record) => record.mutations.map((m) => m.token));

describe('commits', () => {
  test('OB1 every transaction that writes is strict', async () => {
    const faults = injectFaults();
    const storage = await openedOn(new IDBFactory());
    await storage.write({ append: [[mutation('a')]] });
    await storage.write({ ifRevision: 1, remove: { log: [1] } });
    const writing = faults.made.filter((tx) => tx.mode === 'readwrite');
    expect(writing.map((tx) => tx.durability)).toEqual(['strict', 'strict']);
  });

  test('OB2 one write is one transaction', async () => {
    const faults = injectFaults();
    const storage = await openedOn(new IDBFactory());
    faults.made.length = 0;
    await storage.write({
      append: [[mutation('a')], [mutation('b')]],
      put: { rows: [row('t/1', {}, 1)], meta: [{ key: 'm', value: 1 }] },
      remove: { log: [1] },
      outcomes: [outcome('a')],
    });
    expect(faults.made.length).toBe(1);
    await storage.load();
    expect(faults.made.length).toBe(2);
  });

  test('OB2 a write that takes long lets others have their turn, and is one transaction all the same', async () => {
    const faults = injectFaults();
    const storage = await openedOn(new IDBFactory());
    faults.made.length = 0;
    const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    let ms = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (ms += 3));
    const seen: string[] = [];
    const add = IDBObjectStore.prototype.add;
    const adding = vi.spyOn(IDBObjectStore.prototype, 'add').mockImplementation(function (
      this: IDBObjectStore,
      ...args
    ) {
      seen.push(this.name);
      return add.apply(this, args);
    });
    let ticker = setImmediate(function tick() {
      if (seen.at(-1) === 'log') seen.push('others');
      ticker = setImmediate(tick);
    });
    const receipt = await storage.write({ append: letters.map((token) => [mutation(token)]) });
    clearImmediate(ticker);
    adding.mockRestore();
    clock.mockRestore();
    const part = ['log', 'log', 'log', 'others'];
    expect(seen).toEqual([...part, ...part, 'log', 'others', 'journal']);
    expect([receipt, faults.made.length]).toEqual([{ revision: 1, seqs: [1, 2, 3, 4, 5, 6, 7] }, 1]);
    expect(await tokens(storage)).toEqual(letters);
  });

  test('OB1 requests that succeed are not a commit: a full disk rejects with reason quota, and nothing is stored', async () => {
    const faults = injectFaults();
    const storage = await openedOn(new IDBFactory());
    faults.next.push('quota');
    const write = { append: [[mutation('a')]], put: { rows: [row('t/1', {}, 1)] } };
    const error: unknown = await storage.write(write).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'STORAGE', details: { reason: 'quota' } });
    expect(error).toHaveProperty('cause.inner.name', 'QuotaExceededError');
    expect(await storage.load()).toMatchObject({ revision: 0, log: [], rows: new Map() });
    expect(await storage.write(write)).toEqual({ revision: 1, seqs: [1] });
  });

  test('OB1 what would fail again is not tried again: bad values, bad keys, a full disk', async () => {
    const faults = injectFaults();
    const storage = await openedOn(new IDBFactory());
    faults.made.length = 0;
    const bad = { key: 'k', value: () => undefined };
    await expect(storage.write({ put: { meta: [bad] } })).rejects.toMatchObject({
      code: 'STORAGE',
      details: { reason: 'value' },
    });
    const keyless = { key: {} as string, value: 1 };
    await expect(storage.write({ put: { meta: [keyless] } })).rejects.toMatchObject({
      details: { reason: 'failed' },
    });
    faults.next.push('quota');
    await expect(storage.write({})).rejects.toMatchObject({ details: { reason: 'quota' } });
    expect(faults.made.length).toBe(3);
  });
});

describe('a lost connection', () => {
  test('OB1 lost before a write: stored once, on a new connection', async () => {
    const { indexedDB, connections } = trackedFactory();
    const storage = await openedOn(indexedDB);
    forceClose(connections[0]!);
    expect(await storage.write({ append: [[mutation('a')]] })).toEqual({ revision: 1, seqs: [1] });
    expect(await tokens(storage)).toEqual(['a']);
    expect(connections.length).toBe(2);
  });

  test('OB1 lost before the commit: stored once', async () => {
    const faults = injectFaults();
    const storage = await openedOn(new IDBFactory());
    faults.next.push('lostBefore');
    expect(await storage.write({ append: [[mutation('a')]] })).toEqual({ revision: 1, seqs: [1] });
    expect(await tokens(storage)).toEqual(['a']);
  });

  test('OB1 lost after the commit: stored once, and the receipt is the first one', async () => {
    const faults = injectFaults();
    const storage = await openedOn(new IDBFactory());
    await storage.write({ append: [[mutation('a')]] });
    faults.next.push('lostAfter');
    expect(await storage.write({ append: [[mutation('b')], [mutation('c')]] })).toEqual({
      revision: 2,
      seqs: [2, 3],
    });
    expect(await tokens(storage)).toEqual(['a', 'b', 'c']);
  });

  test('OB5 lost after the commit of a compare-and-swap: it is not called stale', async () => {
    const faults = injectFaults();
    const storage = await openedOn(new IDBFactory());
    await storage.write({ append: [[mutation('a')]] });
    faults.next.push('lostAfter');
    expect(await storage.write({ ifRevision: 1, remove: { log: [1] } })).toEqual({ revision: 2, seqs: [] });
  });

  test('OB5 lost before the commit of a compare-and-swap that another tab then overtakes: stale', async () => {
    const faults = injectFaults();
    const indexedDB = new IDBFactory();
    const [a, b] = [await openedOn(indexedDB), await openedOn(indexedDB)];
    faults.next.push('lostBefore');
    const [mine] = await Promise.all([
      a.write({ ifRevision: 0, append: [[mutation('a')]] }),
      b.write({ append: [[mutation('b')]] }),
    ]);
    expect(mine).toBe('stale');
    expect(await tokens(a)).toEqual(['b']);
  });

  test('OB1 lost twice: rejected, and the next write finds its way', async () => {
    const faults = injectFaults();
    const storage = await openedOn(new IDBFactory());
    faults.next.push('lostBefore', 'lostBefore');
    await expect(storage.write({ append: [[mutation('a')]] })).rejects.toMatchObject({
      code: 'STORAGE',
      details: { reason: 'connection' },
    });
    expect(await storage.write({ append: [[mutation('b')]] })).toEqual({ revision: 1, seqs: [1] });
    expect(await tokens(storage)).toEqual(['b']);
  });

  test('OB1 lost under several writes at once: each stored once, over one new connection', async () => {
    const faults = injectFaults();
    const { indexedDB, connections } = trackedFactory();
    const storage = await openedOn(indexedDB);
    faults.next.push('lostAfter', 'lostBefore', 'lostBefore');
    const names = ['a', 'b', 'c', 'd'];
    await Promise.all(names.map((name) => storage.write({ append: [[mutation(name)]] })));
    expect((await tokens(storage)).sort()).toEqual(names);
    expect(connections.length).toBe(2);
  });

  test('OB1 lost, and too much written since to tell: rejected rather than stored twice', async () => {
    const faults = injectFaults();
    const indexedDB = new IDBFactory();
    const [a, b] = [await openedOn(indexedDB), await openedOn(indexedDB)];
    for (let i = 0; i < 1_300; i += 100) await Promise.all(Array.from({ length: 100 }, () => b.write({})));
    faults.next.push('lostBefore');
    await expect(a.write({ append: [[mutation('a')]] })).rejects.toMatchObject({
      details: { reason: 'unknownOutcome' },
    });
    expect(await tokens(b)).toEqual([]);
  });

  test('TB4 lost before a load: read on a new connection', async () => {
    const { indexedDB, connections } = trackedFactory();
    const storage = await openedOn(indexedDB);
    await storage.write({ append: [[mutation('a')]] });
    forceClose(connections[0]!);
    expect(await tokens(storage)).toEqual(['a']);
  });

  test('closing while a connection is being replaced leaves none open', async () => {
    const faults = injectFaults();
    const { indexedDB, connections } = trackedFactory();
    const storage = await openedOn(indexedDB);
    faults.next.push('lostBefore');
    const open = indexedDB.open.bind(indexedDB);
    indexedDB.open = (...args) => {
      void storage.close();
      return open(...args);
    };
    await expect(storage.write({ append: [[mutation('a')]] })).rejects.toMatchObject({
      details: { reason: 'usage' },
    });
    expect(connections.every((db) => (db as unknown as { _closePending: boolean })._closePending)).toBe(true);
  });
});

describe('batches of rows', () => {
  /** As many small writes as the tail takes before it is made one batch, the last of them not made. */
  async function almostFull(indexedDB: IDBFactory): Promise<SyncStorage> {
    const storage = await openedOn(indexedDB);
    for (let i = 1; i < 32; i++) await storage.write({ put: { rows: [row(`t/${i % 5}`, { i }, i)] } });
    return storage;
  }
  const last = { put: { rows: [row('t/0', { i: 32 }, 32)] } };
  const fields = async (storage: SyncStorage) =>
    [...((await storage.load()).rows.get('t') ?? [])]
      .map(([id, { row: found }]) => `${id}: ${String(found?.['i'])}`)
      .sort();
  const before = ['0: 30', '1: 31', '2: 27', '3: 28', '4: 29'];
  const after = ['0: 32', ...before.slice(1)];

  test.each(['quota', 'lostBefore', 'lostAfter'] as const)(
    'OB4 the write that makes the tail one batch fails (%s): it is done or not begun, and the next write goes on',
    async (fault) => {
      const faults = injectFaults();
      const indexedDB = new IDBFactory();
      const storage = await almostFull(indexedDB);
      faults.next.push(fault);
      const written = storage.write(last);
      if (fault === 'quota') {
        await expect(written).rejects.toMatchObject({ details: { reason: 'quota' } });
        expect(await fields(await openedOn(indexedDB))).toEqual(before);
        await storage.write(last);
      } else await written;
      expect(await fields(await openedOn(indexedDB))).toEqual(after);
    },
  );

  test('OB9 rows that were all written again leave no packs behind: what is left of them goes with the next rows', async () => {
    const { indexedDB, connections } = trackedFactory();
    const first = await openedOn(indexedDB);
    const all = (n: number, count = 1_000) =>
      Array.from({ length: count }, (_, id) => row(`t/${id}`, { n }, n));
    for (const n of [1, 2, 3, 4]) await first.write({ put: { rows: all(n, n === 1 ? 1_001 : 1_000) } });
    expect(await countOf(connections[0]!, 'packs')).toBe(4);
    const next = await openedOn(indexedDB);
    const was = (await next.load()).rows;
    await next.write({ append: [[mutation('a')]] });
    expect(await countOf(connections[0]!, 'packs')).toBe(4);
    for (const n of [5, 6]) await next.write({ put: { rows: [row('t/0', { n }, n)] } });
    expect(await countOf(connections[0]!, 'packs')).toBe(2);
    const rows = new Map(was.get('t')).set('0', { row: { n: 6 }, version: 6 });
    expect((await (await openedOn(indexedDB)).load()).rows.get('t')).toEqual(rows);
    expect([rows.size, rows.get('999'), rows.get('1000')]).toEqual([
      1_001,
      { row: { n: 4 }, version: 4 },
      { row: { n: 1 }, version: 1 },
    ]);
  });

  test('OB2 the tail is made one batch by the transaction of the write that fills it', async () => {
    const { indexedDB, connections } = trackedFactory();
    const faults = injectFaults();
    const storage = await almostFull(indexedDB);
    const tail = (): Promise<number> => countOf(connections[0]!, 'tail');
    expect(await tail()).toBe(31);
    faults.made.length = 0;
    await storage.write(last);
    expect(faults.made.length).toBe(1);
    expect(await tail()).toBe(1);
    expect(await fields(storage)).toEqual(after);
  });
});

describe('opening', () => {
  test('OB9 no IndexedDB: rejected, saying so', async () => {
    await expect(dexieStorage().open('x')).rejects.toMatchObject({
      code: 'STORAGE',
      details: { reason: 'missing' },
    });
  });

  test('OB9 IndexedDB refuses: rejected with its reason, and opening can be tried again', async () => {
    const indexedDB = new IDBFactory();
    const refused = new DOMException('The operation is insecure.', 'SecurityError');
    const spy = vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw refused;
    });
    const storage = dexieStorage({ indexedDB, IDBKeyRange });
    const error: unknown = await storage.open('x').catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'STORAGE', details: { reason: 'refused' } });
    expect(error).toHaveProperty('cause.name', 'SecurityError');
    spy.mockRestore();
    await storage.open('x');
    expect((await storage.load()).revision).toBe(0);
  });

  test('OB9 blocked by a tab with an older version: rejected when the time is up', async () => {
    const indexedDB = new IDBFactory();
    await new Promise((resolve) => {
      indexedDB.open('holdfast:x', 1).onsuccess = resolve; // and ignores versionchange
    });
    let timeIsUp = (): void => undefined;
    const budget: number[] = [];
    const clock = {
      sleep: (ms: number) => {
        budget.push(ms);
        return new Promise<void>((resolve) => (timeIsUp = resolve));
      },
    };
    const open = indexedDB.open.bind(indexedDB);
    indexedDB.open = (...args) => {
      const request = open(...args);
      request.addEventListener('blocked', () => timeIsUp());
      return request;
    };
    await expect(dexieStorage({ indexedDB, IDBKeyRange, clock }).open('x')).rejects.toMatchObject({
      code: 'STORAGE',
      details: { reason: 'blocked' },
    });
    expect(budget).toEqual([5_000]);
  });

  test('OB9 no answer at all: rejected when the time is up', async () => {
    const indexedDB = new IDBFactory();
    vi.spyOn(indexedDB, 'open').mockImplementation(() => ({}) as IDBOpenDBRequest);
    const clock = { sleep: () => Promise.resolve() };
    await expect(dexieStorage({ indexedDB, IDBKeyRange, clock }).open('x')).rejects.toMatchObject({
      details: { reason: 'timeout' },
    });
  });

  test('OB9 another tab upgrades the database: this one lets go of it', async () => {
    const indexedDB = new IDBFactory();
    await openedOn(indexedDB);
    const upgraded = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open('holdfast:faults', 999);
      request.onsuccess = () => resolve(request.result);
      request.onblocked = () => reject(new Error('blocked'));
    });
    expect(upgraded.version).toBe(999);
  });

  test('LF1 the timer of the open budget does not outlive the opening', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const clock = {
      sleep: (_ms: number, signal?: AbortSignal) => {
        signals.push(signal);
        return new Promise<void>(() => undefined);
      },
    };
    await openedOn(new IDBFactory(), { clock });
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  });
});

describe('damaged records', () => {
  test('OB7 one unreadable log record is reported, the others are read', async () => {
    const { indexedDB, connections } = trackedFactory();
    const storage = await openedOn(indexedDB);
    await storage.write({ append: [[mutation('a')], [mutation('b')], [mutation('c')]] });
    damage(connections[0]!, 'log', 2);
    const state = await storage.load();
    expect(state.log.map((record) => record.seq)).toEqual([1, 3]);
    expect(state.unreadable).toMatchObject([{ table: 'log', key: 2, cause: { name: 'DataCloneError' } }]);
  });

  test('OB7 one line of a log record is damaged: it is left where it is, the others of its tick are read', async () => {
    const { indexedDB, connections } = trackedFactory();
    const storage = await openedOn(indexedDB);
    await storage.write({ append: [[mutation('a'), mutation('b'), mutation('c')]] });
    garble(connections[0]!, 'log', 1, '"b"', 'b"');
    const [record] = (await storage.load()).log;
    const rewritten = { seq: 1, mutations: record!.mutations.slice(1) };
    expect(record!.mutations.map((m) => (typeof m === 'string' ? 'damaged' : m.token))).toEqual([
      'a',
      'damaged',
      'c',
    ]);
    await storage.write({ put: { log: [rewritten] } });
    expect((await storage.load()).log).toEqual([rewritten]);
  });

  test('OB7 unreadable rows are reported in a partial load too, the others are read, and they can be removed', async () => {
    const { indexedDB, connections } = trackedFactory();
    const storage = await openedOn(indexedDB);
    const many = Array.from({ length: 600 }, (_, id) => row(`many/${id}`, { id: String(id) }, 1));
    for (const rows of [many, many]) await storage.write({ put: { rows } });
    for (const id of ['1', '2', '3']) await storage.write({ put: { rows: [row(`t/${id}`, { id }, 1)] } });
    damage(connections[0]!, 'packs', 1);
    damage(connections[0]!, 'tail', 2);
    const state = await storage.load(0);
    expect(state.partial).toBe(true);
    const left = rowsRead(...many, row('t/1', { id: '1' }, 1), row('t/3', { id: '3' }, 1));
    expect(state.rows).toEqual(left);
    const unreadableRows = state.unreadable.map(({ key }) => key);
    expect([state.unreadable.map(({ table }) => table), unreadableRows]).toEqual([
      ['rows', 'rows'],
      ['packs 1', 'tail 2'],
    ]);
    await storage.write({ remove: { unreadableRows } });
    expect(await storage.load()).toMatchObject({ rows: left, unreadable: [] });
  });

  test('OB7 nothing overtakes an unreadable row: it may be an older one of the same', async () => {
    const { indexedDB, connections } = trackedFactory();
    const storage = await openedOn(indexedDB);
    const rows = Array.from({ length: 600 }, (_, id) => row(`t/${id}`, {}, 2));
    await storage.write({ put: { rows: [row('t/5', { old: true }, 1)] } });
    const damaged = damage(connections[0]!, 'tail', 1);
    await storage.write({ put: { rows } });
    for (let i = 0; i < 40; i++) await storage.write({ put: { rows: [row(`t/${i % 2}`, { i }, 3)] } });
    damaged.restore();
    expect((await storage.load()).rows.get('t')).toEqual(
      new Map(
        rows.map(({ key, version }, i) => [
          key.slice(2),
          i === 0
            ? { row: { i: 38 }, version: 3 }
            : i === 1
              ? { row: { i: 39 }, version: 3 }
              : { row: {}, version },
        ]),
      ),
    );
  });

  test('OB7 an unreadable journal costs a full load, nothing else', async () => {
    const { indexedDB, connections } = trackedFactory();
    const storage = await openedOn(indexedDB);
    await storage.write({ put: { rows: [row('t/1', {}, 1)] }, outcomes: [outcome('a')] });
    await storage.write({ outcomes: [outcome('b')] });
    damage(connections[0]!, 'journal', 1);
    const state = await storage.load(0);
    expect(state.partial).toBe(false);
    expect(state.rows).toEqual(rowsRead(row('t/1', {}, 1)));
    expect(state.outcomes).toEqual([outcome('b')]);
    expect(state.unreadable).toEqual([]);
  });

  /** A record is put in the place of another as `change` makes it. */
  async function changed(store: string, key: number, change: (record: Record<string, unknown>) => object) {
    const { indexedDB, connections } = trackedFactory();
    const storage = await openedOn(indexedDB);
    const rows = Array.from({ length: 600 }, (_, id) => row(`many/${id}`, { id: String(id) }, 1));
    await storage.write({ append: [[mutation('a'), mutation('b')], [mutation('c')]], put: { rows } });
    await storage.write({ put: { rows: [row('t/1', { id: '1' }, 1)] }, outcomes: [outcome('x')] });
    await storage.write({ append: [[mutation('d')]], put: { meta: [{ key: 'm', value: 1 }] } });
    const records = connections[0]!.transaction(store, 'readwrite').objectStore(store);
    const read = records.get(key);
    await new Promise((resolve, reject) => {
      read.onsuccess = () => {
        const put = records.put(change(read.result as Record<string, unknown>));
        put.onsuccess = resolve;
        put.onerror = reject;
      };
    });
    return storage;
  }

  test.each([
    ['log', 1, ['json']],
    ['journal', 2, ['touched', 'outcomes', 'lastPack', 'seqs', 'write']],
    ['journal', 3, ['touched', 'outcomes', 'lastPack', 'seqs', 'write']],
  ] as const)('OB7 whatever a member of %s %d has become, all else is read', async (store, key, members) => {
    for (const member of members)
      for (const junk of [undefined, null, 7, 'x', '7', {}, [null]])
        for (const since of [undefined, 1]) {
          const storage = await changed(store, key, (record) => ({ ...record, [member]: junk }));
          const { log, unreadable, rows, partial } = await storage.load(since);
          const found = log.flatMap(({ mutations }) => mutations.map(({ token }) => token));
          const wanted = partial ? ['d'] : store === 'log' ? ['c', 'd'] : ['a', 'b', 'c', 'd'];
          expect.soft(found, `${member} is ${JSON.stringify(junk)}`).toEqual(expect.arrayContaining(wanted));
          expect
            .soft(rows.get('t')?.get('1')?.row, `${member} is ${JSON.stringify(junk)}`)
            .toEqual({ id: '1' });
          expect.soft(unreadable.every(({ table }) => table === 'log')).toBe(true);
        }
  });
});
