import { expect, test } from 'vitest';
import { createKnownOrder } from '../../src/domain/knownOrder.js';

test('ST9, ID1 rows are in the order in which they became known, also by another id; what was forgotten is new', () => {
  const names = new Map([['7', 'tmp']]);
  const known = createKnownOrder((id) => names.get(id) ?? id);
  const inOrder = (...ids: string[]): string => ids.sort((a, b) => known.place(a) - known.place(b)).join();
  for (const id of ['a', 'tmp', 'b', 'a']) known.learn(id);
  expect(inOrder('b', 'unknown', 'tmp', 'a')).toBe('a,tmp,b,unknown');
  known.learn('7');
  known.forget('tmp');
  expect(inOrder('b', '7', 'a')).toBe('a,7,b');
  known.forget('a');
  known.learn('a');
  expect(inOrder('b', '7', 'a')).toBe('7,b,a');
});
