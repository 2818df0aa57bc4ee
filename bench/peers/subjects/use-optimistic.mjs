// React: https://react.dev/reference/react/useOptimistic, with a reducer, "to handle … updates that build on the current
// state": the action shows the change, sends it, and sets the row the server answered with.
import { createElement, startTransition, useEffect, useOptimistic, useState } from 'react';
import { applied, BASE } from '../server.mjs';
import { mount } from '../lib/mount.mjs';

function open(line) {
  const now = {};
  function Row() {
    const [row, setRow] = useState(BASE);
    const [optimisticRow, addOptimistic] = useOptimistic(row, applied);
    useEffect(() => void line.read().then(setRow), []);
    now.row = optimisticRow;
    now.change = (change) =>
      startTransition(async () => {
        addOptimistic(change);
        try {
          const saved = await line.write(change);
          startTransition(() => setRow(saved));
        } catch {
          // React drops the optimistic state when the action ends.
        }
      });
    return null;
  }
  const close = mount(createElement(Row));
  return { row: () => now.row, change: (change) => now.change(change), close };
}

const noQueue = 'no queue: a failed action is forgotten';
export default [
  {
    name: 'React useOptimistic',
    packages: ['react', 'react-dom'],
    docs: 'https://react.dev/reference/react/useOptimistic',
    used: 'useOptimistic with a reducer, one action per change',
    without: { reload: noQueue, retry: noQueue, effect: noQueue, batch: noQueue },
    open,
  },
];
