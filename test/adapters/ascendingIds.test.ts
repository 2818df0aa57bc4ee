import { validate, version } from 'uuid';
import { expect, test } from 'vitest';
import { ascendingIds } from '../../src/adapters/ascendingIds.js';

const many = (next: () => string, count = 1_000): string[] => Array.from({ length: count }, next);
const millisecondsOf = (id: string): number => parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

test('MU1 a token is a UUIDv7 of its time', () => {
  for (const id of many(ascendingIds(() => 1_700_000_000_000))) {
    expect(validate(id) && version(id)).toBe(7);
    expect(millisecondsOf(id)).toBe(1_700_000_000_000);
  }
});

test('MU1 tokens ascend within a millisecond, from one to the next, and when the clock goes back', () => {
  const times = [5, 5, 5, 6, 6, 4, 4, 7];
  let call = 0;
  const ids = many(ascendingIds(() => times[call++ % times.length]!));
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(ids.length);
});

test('MU1 two makers in the same millisecond do not meet', () => {
  const [a, b] = [ascendingIds(() => 1), ascendingIds(() => 1)];
  expect(new Set([...many(a), ...many(b)]).size).toBe(2_000);
});
