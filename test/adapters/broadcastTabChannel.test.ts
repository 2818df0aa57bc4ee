import { afterEach, expect, test, vi } from 'vitest';
import { broadcastTabChannel } from '../../src/adapters/broadcastTabChannel.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

test('TB1 a hint reaches the other tabs of the namespace, and neither oneself nor others', async () => {
  const log: string[] = [];
  const heard = (tab: string) => () => log.push(tab);
  const channel = broadcastTabChannel();
  const a = channel.open('ns', heard('a'));
  const stranger = channel.open('other', heard('stranger'));
  const b = await new Promise<ReturnType<typeof channel.open>>((resolve) => {
    const tab = channel.open('ns', () => {
      log.push('b');
      resolve(tab);
    });
    a.announce();
  });
  expect(log).toEqual(['b']);
  for (const tab of [a, b, stranger]) tab.close();
});

test('TB5 after close nothing is heard, and announcing is a stated no-op', async () => {
  const channels: { onmessage: (() => void) | null; close: () => void; postMessage: () => void }[] = [];
  vi.stubGlobal(
    'BroadcastChannel',
    class {
      onmessage: (() => void) | null = null;
      close = vi.fn();
      postMessage = vi.fn();
      constructor() {
        channels.push(this);
      }
    },
  );
  const heard = vi.fn();
  const tab = broadcastTabChannel().open('ns', heard);
  const late = channels[0]!.onmessage!;
  late();
  tab.close();
  late(); // already on its way when the tab closed
  tab.announce();
  expect(heard).toHaveBeenCalledTimes(1);
  expect(channels[0]!.close).toHaveBeenCalledTimes(1);
  expect(channels[0]!.postMessage).not.toHaveBeenCalled();
});

test.each([
  ['there is no BroadcastChannel', undefined],
  [
    'the page may not open one',
    function () {
      throw new DOMException('sandboxed', 'SecurityError');
    },
  ],
])('TB4 where %s it is silent: tabs then hear nothing early', (_, BroadcastChannel) => {
  vi.stubGlobal('BroadcastChannel', BroadcastChannel);
  const tab = broadcastTabChannel().open('ns', () => undefined);
  tab.announce();
  tab.close();
});
