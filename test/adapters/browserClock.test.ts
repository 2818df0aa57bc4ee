import { afterEach, expect, test, vi } from 'vitest';
import { browserClock } from '../../src/adapters/browserClock.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Stands in for window and document, and counts who listens. */
function page(visibilityState: 'visible' | 'hidden' = 'visible') {
  const signals: AbortSignal[] = [];
  const counting = <T extends EventTarget>(target: T): T => {
    const add = target.addEventListener.bind(target);
    target.addEventListener = (type, listener, options) => {
      if (typeof options === 'object' && options.signal) signals.push(options.signal);
      add(type, listener, options);
    };
    return target;
  };
  const window = counting(new EventTarget());
  const document = Object.assign(counting(new EventTarget()), { visibilityState });
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  vi.stubGlobal('document', document);
  return { window, document, listening: () => signals.filter(({ aborted }) => !aborted).length };
}

/** What is said before all micro-tasks of this task are done, and what after them. */
async function afterTurn(during: () => void = () => undefined): Promise<string[]> {
  const said: string[] = [];
  const turn = browserClock()
    .turn?.()
    .then(() => said.push('turn'));
  during();
  for (let i = 0; i < 20; i++) await Promise.resolve();
  said.push('end of the task');
  await turn;
  return said;
}

test('OB2 a page that is seen has its turn before what waits for it', async () => {
  const { listening } = page();
  expect(await afterTurn()).toEqual(['end of the task', 'turn']);
  expect(listening()).toBe(0);
});

test('OB1 nothing waits in a page that is hidden, whose tasks may never come', async () => {
  page('hidden');
  expect(await afterTurn()).toEqual(['turn', 'end of the task']);
});

test.each(['visibilitychange', 'pagehide'])('OB1 a page that goes away ends the wait: %s', async (type) => {
  const { window, document, listening } = page();
  const target = type === 'pagehide' ? window : document;
  expect(await afterTurn(() => target.dispatchEvent(new Event(type)))).toEqual(['turn', 'end of the task']);
  expect(listening()).toBe(0);
});

test('OB1 nothing waits where there is no page', async () => {
  expect(await afterTurn()).toEqual(['turn', 'end of the task']);
});
