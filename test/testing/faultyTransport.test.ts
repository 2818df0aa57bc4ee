import { describe, expect, test, vi } from 'vitest';
import type { Reply, SealedOp } from '../../src/engine/ports.js';
import { createFaultyTransport, type FaultyTransportOptions } from '../../src/testing/faultyTransport.js';
import { createScriptedServer } from '../../src/testing/scriptedServer.js';
import { createSimulatedClock } from '../../src/testing/simulatedClock.js';

function setUp(options: Partial<FaultyTransportOptions> = {}) {
  const clock = createSimulatedClock();
  const server = createScriptedServer();
  const faulty = createFaultyTransport({ transport: server, clock, ...options });
  const stop = new AbortController();
  const op = (token: string): SealedOp => ({
    token,
    rev: 0,
    body: faulty.encode({
      token,
      rev: 0,
      changes: [{ kind: 'insert', collection: 'todos', id: token, row: { id: token } }],
      command: undefined,
      after: [],
    }),
  });
  const said: string[] = [];
  const send = (...tokens: string[]) =>
    faulty.push(tokens.map(op), { signal: AbortSignal.any([stop.signal]) }).then((replies) => {
      said.push(...replies.map((reply, i) => `${tokens[i]!} ${say(reply)} @${clock.monotonic()}`));
    });
  return { clock, server, faulty, stop, send, said };
}
const say = (reply: Reply): string => {
  switch (reply.kind) {
    case 'answer':
      return String(reply.status);
    case 'failure':
      return reply.failure;
    case 'omitted':
      return 'omitted';
  }
};

describe('faulty transport', () => {
  test('without faults it is the transport', async () => {
    const { clock, server, faulty, send, said } = setUp();
    void send('a', 'b');
    await clock.runUntilIdle();
    expect(said).toEqual(['a 200 @0', 'b 200 @0']);
    expect([...server.rows('todos').keys()]).toEqual(['a', 'b']);
    expect(faulty.log).toEqual([
      {
        kind: 'push',
        at: 0,
        endedAt: 0,
        tokens: ['a', 'b'],
        keys: ['a.0', 'b.0'],
        outcome: 'answered',
        duplicated: false,
      },
    ]);
    const page = faulty.pull!({ cursor: undefined, signal: new AbortController().signal });
    await clock.runUntilIdle();
    expect(await page).toMatchObject({ kind: 'page', page: { changes: [{ id: 'a' }, { id: 'b' }] } });
  });

  test('latency is a round trip, half of it each way', async () => {
    const { clock, server, send, said } = setUp({ latencyMs: 100 });
    void send('a');
    await clock.advance(49);
    expect(server.timesApplied('a')).toBe(0);
    await clock.advance(1);
    expect([server.timesApplied('a'), said]).toEqual([1, []]);
    await clock.advance(50);
    expect(said).toEqual(['a 200 @100']);
  });

  test('RT3 lost on the way: the server never saw it; lost on the way back: it took effect', async () => {
    const before = setUp({ loss: 1, latencyMs: 10 });
    void before.send('a');
    await before.clock.runUntilIdle();
    expect([before.said, before.server.timesApplied('a')]).toEqual([['a network @5'], 0]);
    expect(before.faulty.log[0]).toMatchObject({ outcome: 'lost' });

    const after = setUp({ lossAfter: 1, latencyMs: 10 });
    void after.send('a');
    await after.clock.runUntilIdle();
    expect([after.said, after.server.timesApplied('a')]).toEqual([['a network @10'], 1]);
    expect(after.faulty.log[0]).toMatchObject({ outcome: 'answer lost' });
  });

  test('a duplicate reaches the server later, which answers it without a second effect', async () => {
    const { clock, server, faulty, send, said } = setUp({ duplicate: 1, latencyMs: 100 });
    const push = vi.spyOn(server, 'push');
    void send('a');
    await clock.runUntilIdle();
    expect([push.mock.calls.length, server.timesApplied('a'), said]).toEqual([2, 1, ['a 200 @100']]);
    expect(faulty.log[0]).toMatchObject({ duplicated: true });
  });

  test('RT3 who stops waiting has an unknown outcome: what was sent arrives all the same', async () => {
    const { clock, server, faulty, stop, send, said } = setUp({ latencyMs: 100 });
    void send('a');
    await clock.advance(10);
    stop.abort();
    await clock.runUntilIdle();
    expect([said, server.timesApplied('a')]).toEqual([['a timeout @10'], 1]);
    expect(faulty.log[0]).toMatchObject({ outcome: 'abandoned', endedAt: 10 });
  });

  test('a cut line fails what is under way at once, and what follows; then it works again', async () => {
    const { clock, server, faulty, send, said } = setUp({ latencyMs: 100 });
    void send('before');
    await clock.advance(60);
    void send('late');
    await clock.advance(10);
    faulty.disconnect();
    await clock.advance(0);
    void send('offline');
    await clock.advance(1000);
    faulty.reconnect();
    void send('after');
    await clock.runUntilIdle();
    expect(said).toEqual([
      'before network @70',
      'late network @70',
      'offline network @70',
      'after 200 @1170',
    ]);
    expect([...server.rows('todos').keys()]).toEqual(['before', 'after']);
    expect(faulty.log.map(({ outcome }) => outcome)).toEqual(['answer lost', 'lost', 'offline', 'answered']);
  });

  test('scripted replies are given once, in turn, in the place of the server', async () => {
    const { clock, server, faulty, send, said } = setUp({ loss: 1 });
    faulty.replyNext({ kind: 'answer', status: 503, rows: [], retryAfterMs: 9 });
    faulty.replyNext((op) => ({ kind: 'answer', status: op.token === 'a' ? 422 : 200, rows: [] }));
    for (const tokens of [['a', 'b'], ['a', 'b'], ['a']]) {
      void send(...tokens);
      await clock.runUntilIdle();
    }
    expect(said).toEqual(['a 503 @0', 'b 503 @0', 'a 422 @0', 'b 200 @0', 'a network @0']);
    expect([server.journal.length, faulty.log.map(({ outcome }) => outcome)]).toEqual([
      0,
      ['scripted', 'scripted', 'lost'],
    ]);
  });

  test('the same seed brings the same faults; one fault does not reshuffle another', async () => {
    const outcomes = async (options: Partial<FaultyTransportOptions>): Promise<string[]> => {
      const { clock, faulty, send } = setUp(options);
      for (let i = 0; i < 40; i++) void send(`t${i}`);
      await clock.runUntilIdle();
      return faulty.log.map(({ outcome, endedAt }) => `${outcome} ${endedAt!}`);
    };
    const some = { seed: 3, loss: 0.3, latencyMs: [10, 500] as const };
    expect(await outcomes(some)).toEqual(await outcomes(some));
    expect(await outcomes(some)).not.toEqual(await outcomes({ ...some, seed: 4 }));
    const lost = (list: string[]): boolean[] => list.map((line) => line.startsWith('lost'));
    expect(lost(await outcomes({ ...some, lossAfter: 0.5, duplicate: 0.5 }))).toEqual(
      lost(await outcomes(some)),
    );
  });

  test('faults change at run time; whoever watches is told, and sees the same log until it changes', async () => {
    const { clock, faulty, send, said } = setUp();
    const changed = vi.fn();
    const stop = faulty.subscribe(changed);
    faulty.set({ latencyMs: 10 });
    expect([faulty.faults.latencyMs, changed.mock.calls.length]).toEqual([10, 1]);
    void send('a');
    const before = faulty.log;
    expect(faulty.log).toBe(before);
    expect(before[0]).toMatchObject({ outcome: 'under way', endedAt: undefined });
    await clock.runUntilIdle();
    expect(faulty.log).not.toBe(before);
    stop();
    faulty.set({ latencyMs: 0 });
    expect([said, changed.mock.calls.length]).toEqual([['a 200 @10'], 3]);
  });

  test.each([
    { loss: 1.5 },
    { lossAfter: -0.1 },
    { duplicate: NaN },
    { latencyMs: -1 },
    { latencyMs: [9, 3] as const },
  ])('options are checked at the door: %o', (faults) => {
    expect(() => setUp(faults)).toThrow(/createFaultyTransport: (loss|lossAfter|duplicate|latencyMs) is /);
    expect(() => setUp().faulty.set(faults)).toThrow(/received/);
  });
});
