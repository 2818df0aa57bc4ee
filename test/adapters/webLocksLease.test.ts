import { afterEach, describe, expect, test, vi } from 'vitest';
import { webLocksLease } from '../../src/adapters/webLocksLease.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Web Locks as a queue: one holder, waiters in order, `steal` by hand. */
function lockManager() {
  const names: string[] = [];
  const queue: { readonly grant: () => void; readonly lose: (reason: unknown) => void }[] = [];
  const leave = (place: (typeof queue)[number]): void => {
    const wasHolder = queue[0] === place;
    queue.splice(queue.indexOf(place), 1);
    if (wasHolder) queue[0]?.grant();
  };
  const request = (
    name: string,
    { signal }: { signal: AbortSignal },
    work: () => Promise<void>,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      names.push(name);
      const abort = (): void => {
        leave(place);
        reject(signal.reason as Error);
      };
      const place = {
        lose: reject,
        grant: () => {
          signal.removeEventListener('abort', abort); // the signal only ends the waiting
          void work()
            .finally(() => leave(place))
            .then(resolve, reject);
        },
      };
      signal.addEventListener('abort', abort);
      if (queue.push(place) === 1) place.grant();
    });
  vi.stubGlobal('navigator', { locks: { request } });
  return { names, steal: () => queue[0]?.lose(new DOMException('Lock broken', 'AbortError')) };
}

/** A drain that runs until its signal is aborted, or until it is told to end. */
function drain(log: string[], name: string) {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const work = async (): Promise<void> => {
    log.push(`${name} begins`);
    await ended;
    log.push(`${name} ends`);
  };
  return { work, end };
}
const settled = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe('webLocksLease', () => {
  test('TB1 one holder per name; the next one begins when it ends', async () => {
    const { names } = lockManager();
    const log: string[] = [];
    const lease = webLocksLease();
    const [a, b] = [drain(log, 'a'), drain(log, 'b')];
    const { signal } = new AbortController();
    const holds = [lease.hold('app', signal, a.work), lease.hold('app', signal, b.work)];
    await settled();
    expect(log).toEqual(['a begins']);
    a.end();
    b.end();
    await Promise.all(holds);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
    expect(names).toEqual(['holdfast:app', 'holdfast:app']);
  });

  test('TB5 a waiting tab that is disposed never begins, and its hold resolves', async () => {
    lockManager();
    const log: string[] = [];
    const lease = webLocksLease();
    const [a, b] = [drain(log, 'a'), drain(log, 'b')];
    const stop = new AbortController();
    const first = lease.hold('app', new AbortController().signal, a.work);
    const second = lease.hold('app', stop.signal, b.work);
    await settled();
    stop.abort();
    await second;
    a.end();
    await first;
    expect(log).toEqual(['a begins', 'a ends']);
    await lease.hold('app', stop.signal, b.work);
    expect(log).toEqual(['a begins', 'a ends']);
  });

  test('TB3 a stolen lock ends nothing: hold waits for the work that still runs', async () => {
    const { steal } = lockManager();
    const log: string[] = [];
    const a = drain(log, 'a');
    const hold = webLocksLease().hold('app', new AbortController().signal, a.work);
    void hold.then(() => log.push('released'));
    await settled();
    steal();
    await settled();
    expect(log).toEqual(['a begins']);
    a.end();
    await hold;
    expect(log).toEqual(['a begins', 'a ends', 'released']);
  });

  test.each([
    ['no navigator', undefined],
    ['no locks', {}],
    ['null for locks', { locks: null }],
    [
      'locks it may not use',
      { locks: { request: () => Promise.reject(new DOMException('no', 'SecurityError')) } },
    ],
  ])('TB3 with %s every tab drains at once, each once', async (_, navigator) => {
    vi.stubGlobal('navigator', navigator);
    const log: string[] = [];
    const [a, b] = [drain(log, 'a'), drain(log, 'b')];
    const { signal } = new AbortController();
    const holds = [webLocksLease().hold('app', signal, a.work), webLocksLease().hold('app', signal, b.work)];
    await settled();
    expect(log).toEqual(['a begins', 'b begins']);
    a.end();
    b.end();
    await Promise.all(holds);
    expect(log).toHaveLength(4);
  });
});
