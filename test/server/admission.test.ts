import { afterAll, expect, test } from 'vitest';
import { pgliteDatabase } from '../../src/server/pgliteDatabase.js';
import type { SyncServerOptions } from '../../src/server/syncServer.js';
import { eventsOf, gate, openServer, type TestServer } from './harness.js';

const database = pgliteDatabase();
afterAll(() => database.close());

/** A server whose pushes stay inside until `release`; `inside` counts them. */
function heldServer(options: Partial<SyncServerOptions> = {}) {
  const door = gate();
  let count = 0;
  const sync = openServer({
    database,
    async authorize() {
      count++;
      await door.opened;
      return true;
    },
    ...options,
  });
  return { sync, release: door.open, inside: () => count };
}

const pushAs = (sync: TestServer, subject: string, id: string): Promise<Response> =>
  sync.post(
    { client: 'c1', ops: [sync.ops.insert(id, {})] },
    { headers: { 'Content-Type': 'application/json', Authorization: subject } },
  );

/** Status, and whether header and body say the same about when to come back. */
async function told(response: Response): Promise<unknown> {
  const { type, retryAfterMs } = (await response.json()) as { type: string; retryAfterMs: number };
  const header = Number(response.headers.get('Retry-After'));
  return [response.status, type, header === Math.ceil(retryAfterMs / 1000) && retryAfterMs >= 1000];
}
const OVERLOADED = [503, 'urn:holdfast:problem:overloaded', true];
const TOO_MANY = [429, 'urn:holdfast:problem:too-many-requests', true];

test('SV3 more requests than may be under way are told when to come back, and nothing of them is lost', async () => {
  const { sync, release, inside } = heldServer({ limits: { maxRequests: 3 } });
  const first = [1, 2, 3].map((n) => pushAs(sync, '', `first${n}`));
  await expect.poll(inside).toBe(3);
  expect(await told(await pushAs(sync, '', 'second'))).toEqual(OVERLOADED);
  expect(await told(await sync.request('changes'))).toEqual(OVERLOADED);
  expect(await told(await sync.request('snapshot'))).toEqual(OVERLOADED);
  expect((await sync.request('capabilities')).status).toBe(200); // the probe of clients is let through
  release();
  for (const response of await Promise.all(first)) expect(response.status).toBe(200);
  expect((await pushAs(sync, '', 'second')).status).toBe(200);
  expect((await sync.pullAll()).map(({ id }) => id).sort()).toEqual(['first1', 'first2', 'first3', 'second']);
  await sync.close();
});

test('SV3 a refused request has not been read: its body may be of any size', async () => {
  const { sync, release, inside } = heldServer({ limits: { maxRequests: 1 } });
  const first = pushAs(sync, '', 'first');
  await expect.poll(inside).toBe(1);
  let pulled = 0;
  const body = new ReadableStream({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(1024));
    },
  });
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, duplex: 'half' };
  expect(await told(await sync.request('ops', init as RequestInit))).toEqual(OVERLOADED);
  expect(pulled).toBeLessThanOrEqual(1);
  release();
  await first;
  await sync.close();
});

test('SV3 one subject cannot take all places: it is told 429, others are served', async () => {
  const { sync, release, inside } = heldServer({
    limits: { maxRequests: 10, maxPerSubject: 2 },
    authenticate: (request) => ({ subject: request.headers.get('Authorization') ?? '' }),
  });
  const loud = ['a', 'b'].map((id) => pushAs(sync, 'loud', id));
  await expect.poll(inside).toBe(2);
  expect(await told(await pushAs(sync, 'loud', 'c'))).toEqual(TOO_MANY);
  const quiet = pushAs(sync, 'quiet', 'd');
  await expect.poll(inside).toBe(3);
  release();
  for (const response of await Promise.all([...loud, quiet])) expect(response.status).toBe(200);
  expect((await pushAs(sync, 'loud', 'c')).status).toBe(200); // the places were given back
  await sync.close();
});

test('SV3 streams and long polls are bounded on their own, and give their place back', async () => {
  const sync = openServer({ database, limits: { maxWaiting: 2, maxRequests: 1 } });
  const request = new AbortController();
  const stream = await sync.request('stream');
  const other = await sync.request('stream', { signal: request.signal });
  expect(await told(await sync.request('stream'))).toEqual(OVERLOADED);
  expect(await told(await sync.request('changes?wait=20'))).toEqual(OVERLOADED);
  expect((await sync.request('changes')).status).toBe(200); // they do not stand in the way of work
  await eventsOf(stream.body!).cancel();
  expect((await sync.request('changes?wait=0')).status).toBe(200);
  const third = await sync.request('stream');
  request.abort();
  await eventsOf(other.body!).next();
  const polling = sync.request('changes?wait=30');
  await sync.send(sync.ops.insert('a', {}));
  expect(await (await polling).json()).toMatchObject({ changes: [{ id: 'a' }] });
  expect((await sync.request('stream')).status).toBe(200);
  await third.body!.cancel();
  await sync.close();
});

test('SV3 a request that fails gives its place back', async () => {
  const sync = openServer({ database, limits: { maxRequests: 1, maxWaiting: 1 } });
  for (let i = 0; i < 3; i++) {
    expect((await sync.post('{')).status).toBe(400);
    expect((await sync.request('changes?since=x')).status).toBe(400);
    expect((await sync.request('changes?since=x&wait=1')).status).toBe(400);
    expect((await sync.request('stream', { headers: { Upgrade: 'websocket' } })).status).toBe(501);
  }
  await sync.close();
});
