import { afterEach, expect, test, vi } from 'vitest';
import { browserClock } from '../../src/adapters/browserClock.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Stands in for window and document, and counts who listens. */
function page(visibilityState: 'visible' | 'hidden' = 'visible') {
  const listeners = new Set<unknown>();
  const counting = <T extends EventTarget>(target: T): T => {
    const add = target.addEventListener.bind(target);
    target.addEventListener = (type, listener, options) => {
      listeners.add(listener);
      add(type, listener, options);
    };
    return target;
  };
  const window = counting(new EventTarget());
  const document = Object.assign(counting(new EventTarget()), { visibilityState });
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  vi.stubGlobal('document', document);
  return { window, document, listeners };
}

/** What is said before all micro-tasks of this task are done, and what after them. */
async function afterTurn(during: () => void = () => undefined, clock = browserClock()): Promise<string[]> {
  const said: string[] = [];
  const turn = clock.turn?.().then(() => said.push('turn'));
  during();
  for (let i = 0; i < 20; i++) await Promise.resolve();
  said.push('end of the task');
  await turn;
  return said;
}

test('OB2 a page that is seen has its turn before what waits for it', async () => {
  page();
  expect(await afterTurn()).toEqual(['end of the task', 'turn']);
});

test('OB2 each of those that wait has a task of its own, in order', async () => {
  page();
  const said: string[] = [];
  const { turn } = browserClock();
  await Promise.all(
    ['first', 'second'].map(async (name) => {
      await turn?.();
      said.push(name);
      await Promise.resolve();
      said.push(`end of the ${name}`);
    }),
  );
  expect(said).toEqual(['first', 'end of the first', 'second', 'end of the second']);
});

test('TB5 a page is listened to by one function, however many clients wait how often', async () => {
  const { listeners } = page();
  for (const clock of [browserClock(), browserClock()])
    for (let i = 0; i < 3; i++) await afterTurn(undefined, clock);
  expect(listeners.size).toBe(1);
});

test('OB1 nothing waits in a page that is hidden, whose tasks may never come', async () => {
  page('hidden');
  expect(await afterTurn()).toEqual(['turn', 'end of the task']);
});

test.each(['visibilitychange', 'pagehide'])('OB1 a page that goes away ends the wait: %s', async (type) => {
  const { window, document } = page();
  const target = type === 'pagehide' ? window : document;
  expect(await afterTurn(() => target.dispatchEvent(new Event(type)))).toEqual(['turn', 'end of the task']);
});

test('OB1 nothing waits where there is no page', async () => {
  expect(await afterTurn()).toEqual(['turn', 'end of the task']);
});
