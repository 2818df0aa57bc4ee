import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { webSocketChanges, type WebSocketChangesOptions } from '../../src/adapters/webSocketChanges.js';

/** A WebSocket played by hand. */
class Socket extends EventTarget {
  static all: Socket[] = [];
  static get last(): Socket {
    return Socket.all.at(-1)!;
  }
  closed = false;
  readonly url: string;
  constructor(url: string) {
    super();
    this.url = url;
    Socket.all.push(this);
  }
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.dispatchEvent(new Event('open'));
  }
  say(data: unknown): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }
  end(code: number, reason = ''): void {
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }
}

const POKE = '{"event":"poke","id":"e1.7"}';

describe('webSocketChanges', () => {
  beforeEach(() => {
    Socket.all = [];
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  async function listen(options: Partial<WebSocketChangesOptions> = {}) {
    const [poke, connected, onClose] = [vi.fn(), vi.fn(), vi.fn()];
    const stop = new AbortController();
    const source = webSocketChanges({
      url: 'https://x.test/sync/?t=1',
      WebSocket: Socket,
      random: () => 1,
      onClose,
      ...options,
    });
    source.listen(poke, stop.signal, connected);
    await vi.advanceTimersByTimeAsync(0);
    return { poke, connected, onClose, stop };
  }

  test('RL1 pokes when connected and at every poke or reset, for what was missed and what is new', async () => {
    const { poke, connected } = await listen();
    expect(Socket.last.url).toBe('wss://x.test/sync/stream?t=1');
    Socket.last.open();
    for (const message of [POKE, '{"event":"reset"}', '{"event":"heartbeat"}', '{"event":"of tomorrow"}'])
      Socket.last.say(message);
    expect([poke.mock.calls.length, connected.mock.calls]).toEqual([3, [[true]]]);
  });

  test('RL1 after a close: again after 1, 2, 4 … 30 s, and after 1 s once it was open', async () => {
    const { connected } = await listen();
    const delays: number[] = [];
    const close = async (): Promise<void> => {
      const before = Socket.all.length;
      Socket.last.end(1013, 'try again later');
      Socket.last.end(1006); // said twice, connects once
      let waited = 0;
      for (; Socket.all.length === before; waited += 500) await vi.advanceTimersByTimeAsync(500);
      delays.push(waited);
    };
    for (let i = 0; i < 7; i++) await close();
    Socket.last.open();
    await close();
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 1000]);
    expect(connected.mock.calls.filter(([is]) => is)).toHaveLength(1);
  });

  test('RT5 not all at the same moment: the delay is drawn from the upper half', async () => {
    await listen({ random: () => 0 });
    Socket.last.end(1006);
    await vi.advanceTimersByTimeAsync(499);
    expect(Socket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(Socket.all).toHaveLength(2);
  });

  test.each([
    ['10 MB', `{"event":"poke","id":"${'x'.repeat(10_000_000)}"}`],
    ['half a JSON text', '{"event":"po'],
    ['null', 'null'],
    ['no event', '{"id":"e1.7"}'],
    ['an event that is a number', '{"event":7}'],
    ['binary data', new ArrayBuffer(8)],
  ])('RL1 a message of %s ends the connection, and the next one closes the gap', async (_, data) => {
    const { poke, connected, onClose } = await listen();
    Socket.last.open();
    const [first] = Socket.all;
    first!.say(data);
    first!.say(POKE); // heard no more
    expect([first!.closed, poke.mock.calls.length]).toEqual([true, 1]);
    expect(onClose.mock.calls).toEqual([[{ code: 4001, reason: 'not a message of this protocol' }]]);
    await vi.advanceTimersByTimeAsync(1000);
    Socket.last.open();
    expect([poke.mock.calls.length, connected.mock.calls]).toEqual([2, [[true], [false], [true]]]);
  });

  test('RL1 the code that the server closed with is told', async () => {
    const { onClose } = await listen();
    Socket.last.open();
    Socket.last.end(1008, 'signed out');
    expect(onClose.mock.calls).toEqual([[{ code: 1008, reason: 'signed out' }]]);
  });

  test('RL1 a line that is silent for too long is dead, whatever it says of itself', async () => {
    await listen({ silenceMs: 60_000 });
    Socket.last.open();
    await vi.advanceTimersByTimeAsync(59_999);
    Socket.last.say('{"event":"heartbeat"}');
    await vi.advanceTimersByTimeAsync(59_999);
    expect(Socket.last.closed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(Socket.last.closed).toBe(true);
    await vi.advanceTimersByTimeAsync(1000);
    expect(Socket.all).toHaveLength(2);
  });

  test('LF2 the address is asked for at every connection; one that cannot be had is asked for again', async () => {
    let asked = 0;
    const url = (): Promise<string> =>
      ++asked === 1
        ? Promise.reject(new Error('offline'))
        : Promise.resolve(`http://x.test/s?ticket=${asked}`);
    const { onClose } = await listen({ url });
    expect([Socket.all.length, onClose.mock.calls.length]).toEqual([0, 1]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(Socket.last.url).toBe('ws://x.test/s/stream?ticket=2');
  });

  test('TB5 abort closes the socket, whatever it was doing, and leaves no timer', async () => {
    const connected = await listen();
    Socket.last.open();
    connected.stop.abort();
    Socket.last.say(POKE);
    Socket.last.end(1000);
    expect([Socket.last.closed, connected.poke.mock.calls.length, vi.getTimerCount()]).toEqual([true, 1, 0]);

    const waiting = await listen();
    Socket.last.end(1006);
    waiting.stop.abort();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([Socket.all.length, vi.getTimerCount()]).toEqual([2, 0]);
  });

  test('RE3 where there is no WebSocket it stays silent', async () => {
    vi.stubGlobal('WebSocket', undefined);
    const poke = vi.fn();
    webSocketChanges({ url: 'https://x.test' }).listen(poke, new AbortController().signal);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(poke).not.toHaveBeenCalled();
  });

  test.each([
    [{ url: '' }, /url must be a non-empty string or a function, received the string ""/],
    [{ url: 'x', maxMessage: 1 }, /maxMessage must be a number from 256/],
    [{ url: 'x', silenceMs: 0 }, /silenceMs must be a positive number/],
  ])('options are checked at the door: %o', (options, message) => {
    expect(() => webSocketChanges(options)).toThrow(message);
  });
});
