import { expect, test } from 'vitest';
import type { StoreState } from '../../src/engine/storeApi.js';
import { createStoreApi } from '../../src/engine/storeApi.js';
import { createTable, type Table } from '../../src/engine/table.js';

function start(collections: number) {
  let looks = 0;
  const tables = new Map<string, Table>();
  for (let i = 0; i < collections; i++) {
    const table = createTable();
    const counted: Table = {
      ...table,
      get view() {
        looks++;
        return table.view;
      },
    };
    tables.set(`c${i}`, counted);
  }
  const errors: unknown[] = [];
  const made = createStoreApi(tables, (error) => errors.push(error));
  const change = (name: string): void => {
    tables.get(name)?.changed();
    made.changed();
  };
  return { ...made, change, errors, looks: () => looks };
}

test('ST7 a change does not look at the other collections while nobody reads the state', () => {
  const { change, looks, api } = start(1_000);
  const before = looks();
  for (let i = 0; i < 100; i++) change('c7');
  expect(looks()).toBe(before);
  expect(api.getState().revision).toBe(100);
  expect(api.getState()).toBe(api.getState());
  expect(looks()).toBe(before + 1_000);
});

test('ST6 only the views of changed collections are other ones', () => {
  const { change, api } = start(3);
  const before = api.getState();
  change('c1');
  const after = api.getState();
  expect(Object.keys(after.collections)).toEqual(['c0', 'c1', 'c2']);
  expect(
    Object.keys(after.collections).filter((c) => after.collections[c] !== before.collections[c]),
  ).toEqual(['c1']);
});

test('ST6 a listener hears of every change once, with the state before it, also when nobody had looked meanwhile', () => {
  const { change, api } = start(2);
  change('c0');
  change('c1');
  const heard: [number, number][] = [];
  const listen = (state: StoreState, former: StoreState): void => {
    heard.push([former.revision, state.revision]);
  };
  const leave = api.subscribe(listen);
  change('c0');
  api.getState();
  change('c1');
  leave();
  leave(); // a second time takes nobody else's place
  const other = api.subscribe(listen);
  change('c0');
  other();
  change('c0');
  expect(heard).toEqual([
    [2, 3],
    [3, 4],
    [4, 5],
  ]);
});

test('OS3 a listener that throws harms nobody', () => {
  const { change, api, errors } = start(1);
  let heard = 0;
  api.subscribe(() => {
    throw new Error('theirs');
  });
  api.subscribe(() => {
    heard++;
  });
  change('c0');
  expect([heard, errors.length]).toEqual([1, 1]);
});
