import { empty, codeOf, receipt, rejection, tokens, type Section } from './storageContractKit.js';
import { deadLetter, mutation, outcome, row, rowsRead, seal } from './storageSamples.js';

/** What a write promises: atomic, ordered, compare-and-swap. */
export const writeContract: Section = ({ test, expect }) => {
  test('a new storage is at revision 0 and holds nothing', async (tab) => {
    const storage = await tab();
    expect(await storage.load()).toEqual(empty(0));
  });

  test('OB1 what a resolved write wrote is there for another tab, and after reopening', async (tab) => {
    const storage = await tab();
    const written = {
      append: [[mutation('a'), mutation('b')], [mutation('c')]],
      put: {
        seals: [seal('s1')],
        rows: [row('todos/1', { title: 'one' }, 7), row('todos/2', undefined, 'etag')],
        deadLetters: [deadLetter('d')],
        meta: [{ key: 'cursor', value: 'c0' }],
      },
    };
    expect(await storage.write(written)).toEqual({ revision: 1, seqs: [1, 2] });
    const expected = {
      ...empty(1),
      ...written.put,
      rows: rowsRead(...written.put.rows),
      log: [
        { seq: 1, mutations: [mutation('a'), mutation('b')] },
        { seq: 2, mutations: [mutation('c')] },
      ],
    };
    expect(await (await tab()).load()).toEqual(expected);
    await storage.close();
    expect(await (await tab()).load()).toEqual(expected);
  });

  test('OB2 a write that fails at its last record leaves nothing', async (tab) => {
    const storage = await tab();
    await storage.write({ append: [[mutation('a')]], put: { rows: [row('todos/1', { n: 1 }, 1)] } });
    const before = await storage.load();
    const error = await rejection(
      storage.write({
        append: [[mutation('b')]],
        put: {
          rows: [row('todos/1', { n: 2 }, 2), row('todos/2', {}, 1)],
          meta: [{ key: 'bad', value: () => 'a function' }],
        },
        remove: { log: [1] },
        outcomes: [outcome('a')],
      }),
    );
    expect(codeOf(error)).toBe('STORAGE');
    expect(await storage.load()).toEqual(before);
    expect(await (await tab()).load()).toEqual(before);
    expect(await storage.write({ append: [[mutation('c')]] })).toEqual({ revision: 2, seqs: [2] });
  });

  test('OB2 a write whose log records cannot be stored leaves nothing', async (tab) => {
    const storage = await tab();
    const bad = { ...mutation('bad'), variables: { then: () => undefined } };
    const error = await rejection(storage.write({ append: [[mutation('a')], [mutation('b'), bad]] }));
    expect(codeOf(error)).toBe('STORAGE');
    expect(await storage.load()).toEqual(empty(0));
  });

  test('OB2 an empty write is a write: the revision rises by one', async (tab) => {
    const storage = await tab();
    expect(await storage.write({})).toEqual({ revision: 1, seqs: [] });
    expect(await storage.write({ append: [], put: { rows: [] }, remove: { log: [] } })).toEqual({
      revision: 2,
      seqs: [],
    });
    expect(await storage.load()).toEqual(empty(2));
  });

  test('OB3 sequences ascend across tabs, in the order of the calls', async (tab) => {
    const [a, b] = [await tab(), await tab()];
    expect((await receipt(a, { append: [[mutation('1')]] })).seqs).toEqual([1]);
    expect((await receipt(b, { append: [[mutation('2')], [mutation('3')]] })).seqs).toEqual([2, 3]);
    const calls = ['4', '5', '6', '7', '8'].map((token) => receipt(a, { append: [[mutation(token)]] }));
    expect((await Promise.all(calls)).flatMap((r) => r.seqs)).toEqual([4, 5, 6, 7, 8]);
    expect(tokens(await b.load())).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  });

  test('OB3 a sequence is not used again: not after removal, not after reopening', async (tab) => {
    const storage = await tab();
    await storage.write({ append: [[mutation('a')], [mutation('b')]] });
    await storage.write({ remove: { log: [1, 2] } });
    expect((await receipt(storage, { append: [[mutation('c')]] })).seqs).toEqual([3]);
    await storage.write({ remove: { log: [3] } });
    await storage.close();
    expect(await receipt(await tab(), { append: [[mutation('d')]] })).toEqual({ revision: 5, seqs: [4] });
  });

  test('OB3 a log record is rewritten in its place', async (tab) => {
    const storage = await tab();
    await storage.write({ append: [[mutation('a'), mutation('b')], [mutation('c')]] });
    await storage.write({ put: { log: [{ seq: 1, mutations: [mutation('b')] }] } });
    expect(tokens(await storage.load())).toEqual(['b', 'c']);
  });

  test('OB10 sequences go on above one that was put', async (tab) => {
    const storage = await tab();
    await storage.write({ put: { log: [{ seq: 41, mutations: [mutation('a')] }] }, remove: { log: [41] } });
    expect((await receipt(storage, { append: [[mutation('b')]] })).seqs).toEqual([42]);
  });

  test('OB4 removal, outcome and rows of one write are seen together', async (tab) => {
    const [a, b] = [await tab(), await tab()];
    await a.write({
      append: [[mutation('a')]],
      put: { seals: [seal('s')], deadLetters: [deadLetter('d')] },
    });
    await b.load();
    await a.write({
      put: { rows: [row('todos/1', { done: true }, 2)], meta: [{ key: 'm', value: 1 }] },
      remove: { log: [1], seals: ['s'], deadLetters: ['d'] },
      outcomes: [outcome('a')],
    });
    expect(await b.load(1)).toEqual({
      ...empty(2),
      rows: rowsRead(row('todos/1', { done: true }, 2)),
      meta: [{ key: 'm', value: 1 }],
      removed: { log: [1], seals: ['s'], deadLetters: ['d'] },
      outcomes: [outcome('a')],
      partial: true,
    });
  });

  test('OB5 a write with the current revision is stored, with any other it is stale and changes nothing', async (tab) => {
    const storage = await tab();
    expect(await storage.write({ ifRevision: 0, append: [[mutation('a')]] })).toEqual({
      revision: 1,
      seqs: [1],
    });
    const before = await storage.load();
    for (const ifRevision of [0, 2, -1])
      expect(
        await storage.write({
          ifRevision,
          append: [[mutation('x')]],
          put: { meta: [{ key: 'x', value: 1 }] },
          remove: { log: [1] },
          outcomes: [outcome('a')],
        }),
      ).toBe('stale');
    expect(await storage.load()).toEqual(before);
    expect(await storage.write({ ifRevision: 1, append: [[mutation('b')]] })).toEqual({
      revision: 2,
      seqs: [2],
    });
  });

  test('OB5 of two tabs that write at one revision, one wins', async (tab) => {
    const [a, b] = [await tab(), await tab()];
    await a.write({});
    const results = await Promise.all(
      [a, b].map((s) => s.write({ ifRevision: 1, append: [[mutation('x')]] })),
    );
    expect(results.filter((result) => result === 'stale').length).toBe(1);
    expect(tokens(await b.load())).toEqual(['x']);
  });

  test('OB2 ten thousand mutations are one write', async (tab) => {
    const groups = Array.from({ length: 40 }, (_, g) =>
      Array.from({ length: 250 }, (_, i) => mutation(`${g}-${i}`)),
    );
    const storage = await tab();
    const { revision, seqs } = await receipt(storage, { append: groups });
    expect(revision).toBe(1);
    expect(seqs).toEqual(groups.map((_, i) => i + 1));
    expect(tokens(await (await tab()).load())).toEqual(groups.flat().map((m) => m.token));
  }, 30_000);
};
