import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSyncServer } from '../../src/server/createSyncServer.js';
import type { Entity, FeedPage, PushReply, SnapshotPage } from '../../src/server/protocol.js';
import type { SyncServer } from '../../src/server/syncServer.js';
import { databases, eventsOf, fresh, opsOn, pokedTo, type TestDatabase } from './harness.js';

describe.each(databases)('tenants on $name', ({ start }) => {
  let running: TestDatabase;
  let server: SyncServer;
  const seenBy: unknown[] = [];
  beforeAll(async () => {
    running = await start();
    server = createSyncServer({
      database: running.database,
      numbering: running.numbering,
      pollMs: Infinity,
      authenticate(request) {
        const [tenant = '', subject = ''] = request.headers.get('Authorization')?.split('/') ?? [];
        return { tenant, subject };
      },
      authorize(_change, caller) {
        seenBy.push(caller);
        return true;
      },
      commands: { look: async (tx, id) => (await tx.get('row', id as string)) ?? null },
    });
  });
  afterAll(async () => {
    await server.close();
    await running.stop();
  });

  /** A client of a tenant; everybody is called ada. */
  const clientOf = (tenant: string) => {
    const request = (path: string, init: RequestInit = {}): Promise<Response> =>
      server.fetch(
        new Request(`http://server.test/sync/${path}`, {
          ...init,
          headers: { Authorization: `${tenant}/ada`, 'Content-Type': 'application/json' },
        }),
      );
    const get = async <T>(path: string): Promise<T> => (await request(path)).json() as Promise<T>;
    return {
      request,
      changes: (query = '') => get<FeedPage>(`changes?${query}`),
      rows: async (): Promise<readonly Entity[]> => (await get<SnapshotPage>('snapshot')).entities,
      async push(...ops: readonly unknown[]): Promise<PushReply> {
        const body = JSON.stringify({ client: 'c1', ops });
        return (await request('ops', { method: 'POST', body })).json() as Promise<PushReply>;
      },
    };
  };
  const ops = opsOn('row');

  test('SV3 the same ids in two tenants are two rows, with versions and feeds of their own', async () => {
    const [north, south] = [clientOf(fresh('north')), clientOf(fresh('south'))];
    await north.push(ops.insert('1', { of: 'north' }), ops.update('1', { n: 2 }));
    const { results } = await south.push(ops.insert('1', { of: 'south' }));
    expect(results).toMatchObject([{ status: 200, entities: [{ version: 1, data: { of: 'south' } }] }]);
    expect(await north.rows()).toMatchObject([
      { type: 'row', id: '1', version: 2, data: { of: 'north', n: 2 } },
    ]);
    expect(await south.rows()).toMatchObject([{ type: 'row', id: '1', version: 1, data: { of: 'south' } }]);
    expect((await north.changes()).changes.map(({ version }) => version)).toEqual([1, 2]);
    expect((await south.changes()).changes.map(({ version }) => version)).toEqual([1]);
  });

  test('SV3 nothing another tenant wrote can be read, changed, deleted or learnt of', async () => {
    const [north, south] = [clientOf(fresh('north')), clientOf(fresh('south'))];
    await north.push(ops.insert('secret', { text: 'of north' }));
    const { results } = await south.push(
      ops.update('secret', { text: 'x' }, { ifVersion: 1 }),
      ops.remove('secret'),
      ops.command('look', 'secret'),
      ops.group([{ kind: 'update', type: 'row', id: 'secret', patch: {} }]),
      ops.insert('secret', { text: 'of south' }, { ifVersion: 0 }),
    );
    expect(results.map(({ status }) => status)).toEqual([404, 200, 200, 404, 200]);
    expect(results[2]).toMatchObject({ result: null });
    expect(JSON.stringify(results)).not.toContain('of north');
    expect(await north.rows()).toMatchObject([{ version: 1, data: { text: 'of north' } }]);
    expect((await north.changes()).changes).toHaveLength(1);
  });

  test('SV3 the key of another tenant, also of a subject of the same name, is another key', async () => {
    const [north, south] = [clientOf(fresh('north')), clientOf(fresh('south'))];
    const op = ops.insert('1', { n: 1 });
    const first = await north.push(op);
    const other = await south.push(op, ops.update('1', {}, { after: [op.op] }));
    expect(first.results).toMatchObject([{ status: 200, replayed: false }]);
    expect(other.results).toMatchObject([{ status: 200, replayed: false }, { status: 200 }]);
    // what north's key was used for says nothing about south's, and `after` does not reach over
    const third = clientOf(fresh('west'));
    const late = await third.push(ops.update('1', {}, { after: [op.op] }));
    expect(late.results).toMatchObject([{ status: 424 }]);
    expect((await north.push(op)).results).toMatchObject([{ status: 200, replayed: true }]);
  });

  test('SV3 a cursor of another tenant gives nothing of theirs; a scope cannot be made to mean their feed', async () => {
    const [a, b] = [fresh('north'), fresh('south')];
    const [north, south] = [clientOf(a), clientOf(b)];
    const { cursor } = await north.push(ops.insert('1', { text: 'of north' }), ops.insert('2', {}));
    const first = await south.request(`changes?since=${cursor}`);
    expect(first.status).toBe(410); // further than anything south has had
    await south.push(...Array.from({ length: 3 }, (_, i) => ops.insert(`s${i}`, {})));
    expect((await south.changes(`since=${cursor}`)).changes.map(({ id }) => id)).toEqual(['s2']);
    const { next } = (await (await north.request('snapshot?limit=1')).json()) as SnapshotPage;
    const stolen = (await (await south.request(`snapshot?page=${next}`)).json()) as SnapshotPage;
    expect(stolen.entities.every(({ id }) => id.startsWith('s'))).toBe(true);
    for (const scope of [`main\n${a}`, `main%0A${a}`, `main\r\n${a}`])
      expect((await south.request(`changes?scope=${encodeURIComponent(scope)}`)).status).toBe(
        scope.includes('%') ? 200 : 400, // one that is not decoded twice is just another name
      );
    expect(await clientOf('').changes('scope=main')).toMatchObject({ changes: [] });
  });

  test('SV3 a tenant is not poked by another', async () => {
    const [north, south] = [clientOf(fresh('north')), clientOf(fresh('south'))];
    const events = eventsOf((await south.request('stream')).body!);
    await events.next();
    await north.push(ops.insert('1', {}), ops.insert('2', {}));
    const { cursor } = await south.push(ops.insert('1', {}));
    const poke = await events.next(); // the first one since: north's two writes rang nothing
    expect(poke).toBe(`event: poke\nid: ${cursor}\ndata: {}`);
    await events.cancel();
    await pokedTo(eventsOf((await north.request('stream')).body!), cursor?.replace(/1$/, '2'));
  });

  test('SV3 hooks are told the tenant; seed and collection keep to theirs', async () => {
    const tenant = fresh('north');
    seenBy.length = 0;
    await clientOf(tenant).push(ops.insert('1', {}));
    expect(seenBy).toEqual([{ tenant, subject: 'ada' }]);
    const type = fresh('seeded');
    expect(await server.seed(type, [{ id: 'a', data: {} }], { tenant })).toBe(1);
    expect(await server.seed(type, [{ id: 'a', data: {} }], { tenant })).toBe(0);
    expect(await server.seed(type, [{ id: 'a', data: {} }], { tenant: fresh('south') })).toBe(1);
    expect((await clientOf(tenant).rows()).filter((row) => row.type === type)).toHaveLength(1);
  });

  test('SV3 a tenant that could be taken for something else is refused', async () => {
    for (const tenant of ['a\nb', 'a\0', '\ud800', 'x'.repeat(65)])
      await expect(server.seed('row', [], { tenant })).rejects.toThrow(RangeError);
  });
});
