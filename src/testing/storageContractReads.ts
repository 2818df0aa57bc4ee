import { byKey, empty, type Section } from './storageContractKit.js';
import { deadLetter, mutation, outcome, row, seal } from './storageSamples.js';

/** What a load promises: only the news, all of it, and values as they were. */
export const readContract: Section = ({ test, expect }) => {
  test('TB4 a load since a revision brings the rows and outcomes after it', async (tab) => {
    const [a, b] = [await tab(), await tab()];
    await a.write({
      put: { rows: [row('t/1', { n: 1 }, 1), row('t/2', {}, 1)] },
      outcomes: [outcome('a')],
    });
    expect((await b.load()).rows.length).toBe(2);
    await a.write({ put: { rows: [row('t/1', { n: 2 }, 2)] }, outcomes: [outcome('b')] });
    await a.write({
      put: { rows: [row('t/1', { n: 3 }, 3)] },
      remove: { rows: ['t/2'] },
      outcomes: [outcome('c')],
    });
    const news = await b.load(1);
    expect({ ...news, rows: byKey(news) }).toEqual({
      ...empty(3),
      // A row that is gone reads as a tombstone without a version.
      rows: [row('t/1', { n: 3 }, 3), row('t/2', undefined, undefined)],
      outcomes: [outcome('b'), outcome('c')],
      partial: true,
    });
    expect(await b.load(3)).toEqual({ ...empty(3), partial: true });
  });

  test('TB4 a load since a revision of which too much was forgotten brings all rows', async (tab) => {
    const [a, b] = [await tab(), await tab()];
    await a.write({ put: { rows: [row('t/1', { n: 1 }, 1)] }, outcomes: [outcome('old')] });
    await b.load();
    for (let done = 0; done < 2_000; done += 100)
      await Promise.all(
        Array.from({ length: 100 }, () => a.write({ put: { meta: [{ key: 'm', value: 1 }] } })),
      );
    await a.write({ put: { rows: [row('t/2', {}, 1)] }, outcomes: [outcome('new')] });
    const all = await b.load(1);
    expect(all.partial).toBe(false);
    expect(byKey(all)).toEqual([row('t/1', { n: 1 }, 1), row('t/2', {}, 1)]);
    expect(all.outcomes).toEqual([outcome('new')]);
    const recent = await b.load(2_001 - 500);
    expect(recent.partial).toBe(true);
    expect(recent.rows).toEqual([row('t/2', {}, 1)]);
  }, 30_000);

  test('OB10 a load since a revision that does not exist brings everything', async (tab) => {
    const storage = await tab();
    await storage.write({ put: { rows: [row('t/1', {}, 1)] } });
    expect(await storage.load(99)).toEqual({ ...empty(1), rows: [row('t/1', {}, 1)] });
  });

  test('MU2 the first load of a tab that wrote before brings the outcomes of what it wrote', async (tab) => {
    const [a, b] = [await tab(), await tab()];
    await a.write({ append: [[mutation('other')]], outcomes: [outcome('earlier')] });
    await b.write({ append: [[mutation('mine')]] });
    await a.write({ remove: { log: [2] }, outcomes: [outcome('mine')] });
    const first = await b.load();
    expect(first.partial).toBe(false);
    expect(first.outcomes).toEqual([outcome('mine')]);
  });

  test('OB6 values survive as structured clone carries them', async (tab) => {
    const value = {
      date: new Date(86_400_000),
      map: new Map<unknown, unknown>([['k', { deep: new Set([1, 'two']) }]]),
      big: 2n ** 70n,
      bytes: new Uint8Array([1, 2, 255]),
      floats: new Float64Array([0.1, -0]),
      pattern: /a+b/giu,
      numbers: [NaN, Infinity, -0, 0],
      nothing: [null, undefined, '', 0, false],
      error: new RangeError('out'),
      text: 'ünïcödé 💾 \u0000 \ud800',
    };
    const storage = await tab();
    await storage.write({
      append: [[{ ...mutation('a'), variables: value }]],
      put: { meta: [{ key: 'v', value }] },
    });
    const state = await (await tab()).load();
    expect(state.meta[0]?.value).toEqual(value);
    expect(state.log[0]?.mutations[0]?.variables).toEqual(value);
  });

  test('OB6 nobody shares a reference with the disk', async (tab) => {
    const storage = await tab();
    const mine = { list: [1] };
    await storage.write({ put: { meta: [{ key: 'v', value: mine }] } });
    mine.list.push(2);
    const read = (await storage.load()).meta[0]?.value as typeof mine;
    expect(read).toEqual({ list: [1] });
    read.list.push(3);
    expect((await storage.load()).meta[0]?.value).toEqual({ list: [1] });
  });

  test('LF3 keys and fields are data, whatever they spell', async (tab) => {
    const hostile = [
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'length',
      '',
      ' ',
      'a/b/c',
      '💥',
      '\u0000',
    ];
    const fields = JSON.parse(
      '{"__proto__": {"polluted": true}, "constructor": 1, "toString": null}',
    ) as object;
    const rows = hostile.map((key) => row(key, { ...fields }, 1));
    const storage = await tab();
    await storage.write({
      put: {
        rows,
        meta: hostile.map((key) => ({ key, value: fields })),
        seals: hostile.map(seal),
        deadLetters: hostile.map(deadLetter),
      },
    });
    const state = await (await tab()).load();
    expect(byKey(state)).toEqual(byKey({ ...state, rows }));
    expect(state.meta.map(({ value }) => JSON.stringify(value))).toEqual(
      hostile.map(() => JSON.stringify(fields)),
    );
    expect('polluted' in {}).toBe(false);
    await storage.write({ remove: { rows: hostile, seals: hostile, deadLetters: hostile } });
    const { rows: left, seals, deadLetters } = await storage.load();
    expect([left, seals, deadLetters]).toEqual([[], [], []]);
  });
};
