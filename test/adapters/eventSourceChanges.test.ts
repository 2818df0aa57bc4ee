import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { eventSourceChanges } from '../../src/adapters/eventSourceChanges.js';

/** An EventSource played by hand. */
class Source extends EventTarget {
  static all: Source[] = [];
  static get last(): Source {
    return Source.all.at(-1)!;
  }
  readyState = 0;
  readonly url: string;
  readonly init: unknown;
  constructor(url: string, init?: unknown) {
    super();
    this.url = url;
    this.init = init;
    Source.all.push(this);
  }
  close(): void {
    this.readyState = 2;
  }
  say(type: string, readyState = this.readyState): void {
    this.readyState = readyState;
    this.dispatchEvent(new Event(type));
  }
}

describe('eventSourceChanges', () => {
  beforeEach(() => {
    Source.all = [];
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  function listen() {
    const poke = vi.fn();
    const stop = new AbortController();
    eventSourceChanges({ url: '/sync/', EventSource: Source }).listen(poke, stop.signal);
    return { poke, stop };
  }

  test('RL1 pokes when connected and at every poke or reset, for what was missed and what is new', () => {
    const { poke } = listen();
    expect(Source.last).toMatchObject({ url: '/sync/stream', init: { withCredentials: false } });
    expect(poke).toHaveBeenCalledTimes(0);
    Source.last.say('open', 1);
    Source.last.say('poke');
    Source.last.say('reset');
    Source.last.say('heartbeat');
    expect(poke.mock.calls).toEqual([[], [], []]);
  });

  test('RL1 while the EventSource reconnects by itself there is one connection, and a poke when it is back', async () => {
    const { poke } = listen();
    Source.last.say('open', 1);
    Source.last.say('error', 0);
    await vi.advanceTimersByTimeAsync(60_000);
    Source.last.say('open', 1);
    expect([Source.all.length, poke.mock.calls.length]).toEqual([1, 2]);
  });

  test('RL1 when it gives up: again after 1, 2, 4 … 30 s, and after 1 s once it was open', async () => {
    listen();
    const delays: number[] = [];
    const giveUp = async (): Promise<void> => {
      const before = Source.all.length;
      Source.last.say('error', 2);
      Source.last.say('error', 2); // said twice, connects once
      expect(vi.getTimerCount()).toBe(1);
      let waited = 0;
      for (; Source.all.length === before; waited += 500) await vi.advanceTimersByTimeAsync(500);
      delays.push(waited);
      expect(Source.all.length).toBe(before + 1);
    };
    for (let i = 0; i < 7; i++) await giveUp();
    Source.last.say('open', 1);
    await giveUp();
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 1000]);
  });

  test('RL1 a source that was replaced is heard no more', async () => {
    const { poke } = listen();
    const [old] = Source.all;
    old!.say('error', 2);
    await vi.advanceTimersByTimeAsync(1000);
    old!.say('poke');
    expect(poke).not.toHaveBeenCalled();
  });

  test('TB5 abort closes the stream, whatever it was doing, and leaves no timer', async () => {
    const connected = listen();
    Source.last.say('open', 1);
    connected.stop.abort();
    expect(Source.last.readyState).toBe(2);
    Source.last.say('poke');
    Source.last.say('error');
    expect(connected.poke).toHaveBeenCalledTimes(1);

    const waiting = listen();
    Source.last.say('error', 2);
    waiting.stop.abort();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([Source.all.length, vi.getTimerCount()]).toEqual([2, 0]);

    eventSourceChanges({ url: '/s', EventSource: Source }).listen(waiting.poke, waiting.stop.signal);
    expect(Source.all).toHaveLength(2);
  });

  test('RE3 where there is no EventSource it stays silent', () => {
    vi.stubGlobal('EventSource', undefined);
    const poke = vi.fn();
    eventSourceChanges({ url: '/s' }).listen(poke, new AbortController().signal);
    expect(poke).not.toHaveBeenCalled();
  });

  test('options are checked at the door', () => {
    expect(() => eventSourceChanges({ url: '' })).toThrow(
      /url must be a non-empty string, received the string ""/,
    );
  });
});
