import { afterEach, expect, test, vi } from 'vitest';
import { browserConnectivity } from '../../src/adapters/browserConnectivity.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Stands in for window and document: Node's global object listens to nothing. */
function page(onLine: boolean | undefined = true) {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const navigator: { onLine: boolean | undefined } = { onLine };
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  vi.stubGlobal('document', document);
  vi.stubGlobal('navigator', navigator);
  return { window, document, navigator };
}

test('NQ1 online is what the navigator says, and true where it says nothing', () => {
  const { navigator } = page();
  const connectivity = browserConnectivity();
  expect(connectivity.online).toBe(true);
  navigator.onLine = false;
  expect(connectivity.online).toBe(false);
  navigator.onLine = undefined;
  expect(connectivity.online).toBe(true);
});

test.each(['online', 'offline', 'focus', 'pageshow'])('NQ1 %s wakes', (type) => {
  const { window } = page();
  const wake = vi.fn();
  browserConnectivity().subscribe(wake);
  window.dispatchEvent(new Event(type));
  expect(wake.mock.calls).toEqual([[]]);
});

test('NQ1 a tab wakes when it is shown, not when it is hidden', () => {
  const { document } = page();
  const wake = vi.fn();
  browserConnectivity().subscribe(wake);
  document.visibilityState = 'hidden';
  document.dispatchEvent(new Event('visibilitychange'));
  expect(wake).not.toHaveBeenCalled();
  document.visibilityState = 'visible';
  document.dispatchEvent(new Event('visibilitychange'));
  expect(wake).toHaveBeenCalledTimes(1);
});

test('TB5 unsubscribing leaves no listener, and touches nobody else', () => {
  const { window, document } = page();
  const [gone, stays] = [vi.fn(), vi.fn()];
  const connectivity = browserConnectivity();
  const stop = connectivity.subscribe(gone);
  connectivity.subscribe(stays);
  stop();
  stop();
  for (const type of ['online', 'offline', 'focus', 'pageshow']) window.dispatchEvent(new Event(type));
  document.dispatchEvent(new Event('visibilitychange'));
  expect(gone).not.toHaveBeenCalled();
  expect(stays).toHaveBeenCalledTimes(5);
});

test('RE3 on a server there is nothing to listen to: online, and never a word', () => {
  vi.stubGlobal('navigator', undefined);
  const connectivity = browserConnectivity();
  expect(connectivity.online).toBe(true);
  connectivity.subscribe(() => undefined)();
});
