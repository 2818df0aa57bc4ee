import { empty, rowsOf, tokens, type Section } from './storageContractKit.js';
import { deadLetter, mutation, outcome, row, rowsRead, seal } from './storageSamples.js';

/** What a load promises: only the news, all of it, and values as they were. */
export const readContract: Section = ({ test, expect }) => {
  test('TB4 a load since a revision brings what was written after it, as it is now, and the outcomes', async (tab) => {
    const [a, b] = [await tab(), await tab()];
    await a.write({
      append: [[mutation('old')]],
      put: {
        rows: [row('t/1', { n: 1 }, 1), row('t/2', {}, 1)],
        seals: [seal('old')],
        deadLetters: [deadLetter('old')],
        meta: [{ key: 'old', value: 1 }],
      },
      outcomes: [outcome('a')],
    });
    expect(rowsOf(await b.load()).length).toBe(2);
    await a.write({
      append: [[mutation('new')]],
      put: {
        rows: [row('t/1', { n: 2 }, 2)],
        seals: [seal('new')],
        deadLetters: [deadLetter('new')],
        meta: [{ key: 'new', value: 1 }],
      },
      outcomes: [outcome('b')],
    });
    await a.write({
      put: { rows: [row('t/1', { n: 3 }, 3)], meta: [{ key: 'new', value: 2 }] },
      outcomes: [outcome('c')],
    });
    expect(await b.load(1)).toEqual({
      ...empty(3),
      log: [{ seq: 2, mutations: [mutation('new')] }],
      seals: [seal('new')],
      deadLetters: [deadLetter('new')],
      meta: [{ key: 'new', value: 2 }],
      rows: rowsRead(row('t/1', { n: 3 }, 3)),
      outcomes: [outcome('b'), outcome('c')],
      partial: true,
    });
    expect(await b.load(3)).toEqual({ ...empty(3), partial: true });
  });

  test('TB4 a load since a revision names what was taken out after it, and brings what was put again', async (tab) => {
    const [a, b] = [await tab(), await tab()];
    const put = { seals: [seal('s'), seal('again')], deadLetters: [deadLetter('d'), deadLetter('again')] };
    await a.write({ append: [[mutation('1')], [mutation('2')]], put });
    await a.write({
      append: [[mutation('3')]],
      remove: { log: [1], seals: ['s', 'again'], deadLetters: ['d', 'again'] },
    });
    await a.write({
      put: {
        log: [{ seq: 2, mutations: [mutation('2b')] }],
        seals: [seal('again')],
        deadLetters: [deadLetter('again')],
      },
      remove: { log: [3] },
    });
    expect(await b.load(1)).toEqual({
      ...empty(3),
      log: [{ seq: 2, mutations: [mutation('2b')] }],
      seals: [seal('again')],
      deadLetters: [deadLetter('again')],
      removed: { log: [1, 3], seals: ['s'], deadLetters: ['d'] },
      partial: true,
    });
  });

  test('TB4 a load since a revision of which too much was forgotten brings everything', async (tab) => {
    const [a, b] = [await tab(), await tab()];
    await a.write({
      append: [[mutation('a')]],
      put: { rows: [row('t/1', { n: 1 }, 1)] },
      outcomes: [outcome('old')],
    });
    await b.load();
    for (let done = 0; done < 2_000; done += 100)
      await Promise.all(
        Array.from({ length: 100 }, () => a.write({ put: { meta: [{ key: 'm', value: 1 }] } })),
      );
    await a.write({ put: { rows: [row('t/2', {}, 1)] }, outcomes: [outcome('new')] });
    const all = await b.load(1);
    expect(all.partial).toBe(false);
    expect(rowsOf(all)).toEqual([row('t/1', { n: 1 }, 1), row('t/2', {}, 1)]);
    expect([tokens(all), all.outcomes]).toEqual([['a'], [outcome('new')]]);
    const recent = await b.load(2_001 - 500);
    expect(recent.partial).toBe(true);
    expect([rowsOf(recent), tokens(recent)]).toEqual([[row('t/2', {}, 1)], []]);
  }, 30_000);

  test('TB4 rows written little by little and by the thousand: the last of each counts, in a whole load and in one since', async (tab) => {
    const [a, b] = [await tab(), await tab()];
    const latest = new Map<string, number>();
    const write = async (ids: readonly number[], n: number): Promise<void> => {
      for (const id of ids) latest.set(`t/${id}`, n);
      await a.write({ put: { rows: ids.map((id) => row(`t/${id}`, { n }, n)) } });
    };
    const upTo = (count: number): number[] => Array.from({ length: count }, (_, id) => id);
    const expected = (keys: Iterable<string>): unknown[] =>
      [...keys].sort().map((key) => row(key, { n: latest.get(key) }, latest.get(key)));
    for (let n = 1; n <= 40; n++) await write([n % 7], n);
    await write(upTo(2_500), 41);
    await b.load();
    for (let n = 42; n <= 120; n++) await write([n % 50, n % 3], n);
    expect(rowsOf(await b.load(41))).toEqual(expected(upTo(50).map((id) => `t/${id}`)));
    await write(upTo(600), 121);
    await write([7], 122);
    expect(rowsOf(await b.load(121))).toEqual(expected(['t/7']));
    expect(rowsOf(await b.load(120))).toEqual(expected(upTo(600).map((id) => `t/${id}`)));
    expect(rowsOf(await (await tab()).load())).toEqual(expected(latest.keys()));
  }, 30_000);

  test('OB10 a load since a revision that does not exist brings everything', async (tab) => {
    const storage = await tab();
    await storage.write({ put: { rows: [row('t/1', {}, 1)] } });
    expect(await storage.load(99)).toEqual({ ...empty(1), rows: rowsRead(row('t/1', {}, 1)) });
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
    const rows = hostile.map((id) => row(`t/${id}`, { ...fields }, 1));
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
    expect(rowsOf(state)).toEqual(rowsOf({ ...state, rows: rowsRead(...rows) }));
    expect(state.meta.map(({ value }) => JSON.stringify(value))).toEqual(
      hostile.map(() => JSON.stringify(fields)),
    );
    expect('polluted' in {}).toBe(false);
    await storage.write({ remove: { seals: hostile, deadLetters: hostile } });
    const { seals, deadLetters } = await storage.load();
    expect([seals, deadLetters]).toEqual([[], []]);
  });
};
