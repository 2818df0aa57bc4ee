// SWR: https://swr.vercel.app/docs/mutation#optimistic-updates, `mutate(updateFn(user), { optimisticData, rollbackOnError })`,
// with the function form of `optimisticData`, which is given what is shown and what is committed.
import { createElement } from 'react';
import useSWR, { SWRConfig } from 'swr';
import { applied } from '../server.mjs';
import { mount } from '../lib/mount.mjs';

function open(line) {
  let hook;
  function Row() {
    const { data, mutate } = useSWR('/rows/1', () => line.read());
    hook = { data, mutate };
    return null;
  }
  const close = mount(createElement(SWRConfig, { value: { provider: () => new Map() } }, createElement(Row)));
  return {
    row: () => hook.data,
    change: (change) =>
      void hook
        .mutate(line.write(change), {
          optimisticData: (_committed, shown) => applied(shown, change),
          rollbackOnError: true,
        })
        .catch(() => undefined),
    close,
  };
}

const noQueue = 'no queue: a failed mutation is rolled back and forgotten';
export default [
  {
    name: 'SWR',
    packages: ['swr'],
    docs: 'https://swr.vercel.app/docs/mutation#optimistic-updates',
    used: 'mutate with optimisticData, rollbackOnError',
    without: { reload: noQueue, retry: noQueue, effect: noQueue, batch: noQueue },
    open,
  },
];
