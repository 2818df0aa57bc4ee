import { createSyncClient, defineCollection, type SyncClient, type Transport } from '../../src/core.js';
import type { PullReply, PullRequest, Reply } from '../../src/engine/ports.js';
import { createScriptedServer } from '../../src/testing/scriptedServer.js';
import { seededRandom } from '../../src/testing/seededRandom.js';
import { createSimulatedClock } from '../../src/testing/simulatedClock.js';
import { switchableConnectivity } from '../../src/testing/switchableConnectivity.js';

export interface HerdPlan {
  readonly clients: number;
  /** What ends: the clients' network, and they know of it; or the server, and they find out by asking. */
  readonly outage: 'network' | 'server';
  readonly outageMs: number;
  /** Over how long clients come back, in milliseconds (RT5). */
  readonly spreadMs: number;
  /** Requests that the server serves in a second, one after the other. */
  readonly capacity: number;
  /** Requests that may wait; who comes then is told to come back in a second or two. */
  readonly queue: number;
  readonly seed: number;
}

/** What one outage came to, from its end on. */
export interface HerdFigures {
  /** Of all clients, until the last edit was decided. */
  readonly requests: number;
  readonly refused: number;
  /** Of ops, and of rows as JSON. */
  readonly bytes: number;
  /** The most that arrived within one second. */
  readonly peakPerSecond: number;
  /** Within a tenth of one. */
  readonly peakPerTenth: number;
  /** When the last edit was decided, in milliseconds. */
  readonly drainedMs: number;
  /** The longest that a request waited for its turn, in milliseconds. */
  readonly longestWaitMs: number;
  /** Edits, as the server has them; as many as clients when none is lost and none came twice. */
  readonly effects: number;
  /** Clients that at the end see what the server has. */
  readonly equal: number;
}

interface Note {
  readonly id: string;
  readonly text: string;
}

const notes = defineCollection<Note>({ name: 'notes', key: 'id' });
/** What clients do by default when nobody pokes them. */
const POLL_MS = 30_000;
const GIVE_UP_MS = 600_000;
const utf8 = new TextEncoder();
const bytesOf = (text: string): number => utf8.encode(text).length;

/**
 * Many clients of one server that are cut off together, edit, and come back together: the real engine, storage in
 * memory, a simulated clock, and a server that serves one request after the other.
 */
export async function runHerd(plan: HerdPlan): Promise<HerdFigures> {
  const { clients: count, outage, outageMs, spreadMs, capacity, queue, seed } = plan;
  const clock = createSimulatedClock();
  const server = createScriptedServer({ now: () => clock.now() });
  const connectivity = switchableConnectivity();
  const random = seededRandom(seed);

  let isDown = false;
  let measured = false;
  const arrivals: number[] = [];
  let refused = 0;
  let bytes = 0;
  let longestWaitMs = 0;
  let freeAt = 0;

  /** Waits for its turn; false when the server does not let it in. Before and after nobody is kept waiting. */
  async function admitted(): Promise<boolean> {
    if (!measured) return true;
    const now = clock.monotonic();
    arrivals.push(now);
    const waiting = (Math.max(freeAt - now, 0) * capacity) / 1000;
    if (waiting >= queue) {
      refused++;
      return false;
    }
    freeAt = Math.max(freeAt, now) + 1000 / capacity;
    longestWaitMs = Math.max(longestWaitMs, freeAt - now);
    await clock.sleep(freeAt - now);
    return true;
  }
  const retryAfterMs = (): number => 1_000 + 1_000 * random();
  const overloaded = (): Reply => ({
    kind: 'answer',
    status: 503,
    rows: [],
    wholeRequest: true,
    retryAfterMs: retryAfterMs(),
  });
  const unreachable: Reply & { readonly kind: 'failure' } = {
    kind: 'failure',
    failure: 'network',
    cause: new Error('unreachable'),
  };
  const transport: Transport = {
    ...server,
    async push(ops, context) {
      if (isDown) return ops.map(() => unreachable);
      if (!(await admitted())) return ops.map(overloaded);
      if (measured) bytes += ops.reduce((sum, { body }) => sum + bytesOf(body), 0);
      return server.push(ops, context);
    },
    async pull(request: PullRequest): Promise<PullReply> {
      if (isDown) return { kind: 'failed', reply: unreachable };
      if (!(await admitted())) return { kind: 'failed', reply: overloaded() as Reply & { kind: 'answer' } };
      const answer = await server.pull(request);
      if (measured) bytes += bytesOf(JSON.stringify(answer));
      return answer;
    },
  };

  const clients: SyncClient[] = [];
  for (let n = 0; n < count; n++) {
    let ids = 0;
    const client = createSyncClient({
      name: `device-${n}`,
      collections: [notes],
      transport,
      connectivity,
      clock,
      random: seededRandom(seed * 10_007 + n),
      createId: () => `${n}-${++ids}`,
      retry: { spreadMs },
      logger: { warn: () => undefined },
    });
    clients.push(client);
    await clock.advance(POLL_MS / count); // or their polls would fall together
  }
  await clock.advance(POLL_MS);

  isDown = true;
  if (outage === 'network') connectivity.setOnline(false);
  await clock.advance(outageMs / 2);
  clients.forEach(
    (client, n) => void client.insert(notes, { id: `note-${n}`, text: `Written offline by ${n}` }),
  );
  await clock.advance(outageMs / 2);

  isDown = false;
  measured = true;
  const begun = clock.monotonic();
  connectivity.setOnline(true);
  while (clients.some((client) => client.pending().length > 0) && clock.monotonic() < begun + GIVE_UP_MS)
    await clock.advance(10);
  const drainedMs = clock.monotonic() - begun;
  const requests = arrivals.filter((at) => at <= begun + drainedMs).length;
  await clock.advance(2 * spreadMs); // who has nothing more to send still comes to read
  measured = false;

  let reading = clients.length;
  const answers = clients.map((client) => client.sync({ direction: 'pull' }).finally(() => reading--));
  while (reading > 0) await clock.advance(1_000);
  await Promise.all(answers);
  const equal = clients.filter((client) => client.query(notes).length === count).length;
  await Promise.all(clients.map((client) => client.dispose()));
  return {
    requests,
    refused,
    bytes,
    peakPerSecond: mostWithin(arrivals, 1_000),
    peakPerTenth: mostWithin(arrivals, 100),
    drainedMs,
    longestWaitMs,
    effects:
      new Set(server.journal.map(({ token }) => token)).size === server.journal.length
        ? server.rows('notes').size
        : -1,
    equal,
  };
}

/** The most of ascending times that lie within `ms` of each other. */
function mostWithin(times: readonly number[], ms: number): number {
  let most = 0;
  let first = 0;
  times.forEach((time, i) => {
    while (times[first]! <= time - ms) first++;
    most = Math.max(most, i + 1 - first);
  });
  return most;
}
