import { describe, expect, test } from 'vitest';
import { createIds, withAssigned, type AssignedId } from '../../src/domain/identity.js';

const named = (from: string, to: string): AssignedId => ({ collection: 'lists', from, to });

function idsOf(...all: readonly AssignedId[]) {
  const ids = createIds();
  for (const one of all) ids.add(one);
  return ids;
}

describe('ID1 a row that was named twice, because it was deleted elsewhere and inserted again', () => {
  const ids = idsOf(named('mine', 's1'), named('s1', 's2'));

  test.each(['mine', 's1', 's2'])('goes by its last id, called %s', (id) => {
    expect([ids.resolve('lists', id), ids.resolve('todos', id)]).toEqual(['s2', id]);
  });

  test.each(['mine', 's1', 's2'])('keeps the key that it had first, as %s', (id) => {
    expect(ids.origin('lists', id)).toBe('mine');
  });

  test('in variables', () => {
    expect(['mine', 's1', 's2'].map(ids.successor)).toEqual(['s2', 's2', undefined]);
  });

  test('and before the second name is stored', () => {
    const before = withAssigned(idsOf(named('mine', 's1')), [named('s1', 's2')]);
    expect([before.resolve('lists', 'mine'), before.origin('lists', 's2')]).toEqual(['s2', 'mine']);
  });
});

test('ID1 names in a circle come to an end', () => {
  const ids = idsOf(named('a', 'b'), named('b', 'c'), named('c', 'b'));
  expect(['b', 'c']).toContain(ids.resolve('lists', 'a'));
  expect(ids.origin('lists', 'b')).not.toBe('');
  expect(['b', 'c']).toContain(ids.successor('a'));
});
