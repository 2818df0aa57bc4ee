import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Database } from '../../src/server/database.js';
import { databases, gate, openServer, type TestDatabase } from './harness.js';

const WRITERS = 20;
const idOf = (writer: number): string => `w${writer}`;

/** A feed under test: how a transaction writes into it, and how a reader goes on from where it was. */
interface Feed {
  /** Writes one row in a transaction of its own, which commits when `hold` resolves. */
  write(id: string, written: () => void, hold: Promise<void>): Promise<void>;
  /** The ids after the last page. */
  readOn(): Promise<readonly string[]>;
}

/**
 * All writers have written before the first one commits; then they commit one at a time, in another order, and the
 * reader pages after every commit. The order is forced, so the outcome is the same every time.
 *
 * @returns the rows the reader never saw, and whether it saw one before its commit or twice.
 */
async function skippedBy(feed: Feed): Promise<{ readonly skipped: string[]; readonly wrong: string[] }> {
  const held = Array.from({ length: WRITERS }, () => ({ written: gate(), release: gate() }));
  onTestFinished(() => held.forEach(({ release }) => release.open()));
  const writing: Promise<void>[] = [];
  for (const [writer, { written, release }] of held.entries()) {
    writing.push(feed.write(idOf(writer), written.open, release.opened));
    await written.opened; // the order of the inserts is 0, 1, 2 …
  }
  const committed = new Set<string>();
  const seen: string[] = [];
  const wrong: string[] = [];
  const read = async (): Promise<void> => {
    for (const id of await feed.readOn()) {
      if (!committed.has(id) || seen.includes(id)) wrong.push(id);
      seen.push(id);
    }
  };
  await read();
  for (let i = 0; i < WRITERS; i++) {
    const writer = (i * 7 + 13) % WRITERS; // 7 and 20 have no common factor: each once
    held[writer]!.release.open();
    await writing[writer];
    committed.add(idOf(writer));
    await read();
  }
  return { skipped: [...committed].filter((id) => !seen.includes(id)), wrong };
}

describe.each(databases.slice(1))('cursor on $name', ({ start }) => {
  let running: TestDatabase;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.stop());

  test('SV2 20 writers that commit in another order than they wrote: no row is skipped', async () => {
    const held = new Map<string, { readonly written: () => void; readonly hold: Promise<void> }>();
    const one = openServer({
      ...running,
      database: running.another(WRITERS + 1), // one for each open transaction
      commands: {
        async slow(tx, id) {
          await tx.insert('row', id as string, {});
          held.get(id as string)!.written();
          await held.get(id as string)!.hold;
        },
      },
    });
    const two = openServer({ ...running, database: running.another() }, one.scope);
    let cursor: string | undefined;
    const feed: Feed = {
      async write(id, written, hold) {
        held.set(id, { written, hold });
        const { status } = await one.send(one.ops.command('slow', id));
        if (status !== 200) throw new Error(`${id}: ${status}`);
      },
      async readOn() {
        const ids: string[] = [];
        for (;;) {
          const page = await two.pull(cursor, 3);
          ({ cursor } = page);
          ids.push(...page.changes.map(({ id }) => id));
          if (page.upToDate) return ids;
        }
      },
    };
    expect(await skippedBy(feed)).toEqual({ skipped: [], wrong: [] });
    await Promise.all([one.close(), two.close()]);
  });

  test('SV2 the same writers with the naive cursor (seq > last, seq from a sequence): rows are skipped', async () => {
    const database = running.another(WRITERS + 1);
    await makeNaiveTable(database);
    let last = 0;
    const feed: Feed = {
      write: (id, written, hold) =>
        database.transaction(async (tx) => {
          await tx.query('INSERT INTO naive (id) VALUES ($1)', [id]);
          written();
          await hold;
          return { commit: true, value: undefined };
        }),
      async readOn() {
        const rows = await database.query<{ seq: string; id: string }>(
          'SELECT seq, id FROM naive WHERE seq > $1::bigint ORDER BY seq',
          [last],
        );
        last = Number(rows.at(-1)?.seq ?? last);
        return rows.map(({ id }) => id);
      },
    };
    const { skipped, wrong } = await skippedBy(feed);
    expect(wrong).toEqual([]);
    // 13 commits first, then 0, 7, 14, 1, 8, 15 …: whoever is below the highest number seen is lost
    expect(skipped).toHaveLength(WRITERS - ['w13', 'w14', 'w15', 'w16', 'w17', 'w18', 'w19'].length);
    expect(skipped).toContain('w0');
  });
});

async function makeNaiveTable(database: Database): Promise<void> {
  await database.query('CREATE TABLE naive (seq bigserial PRIMARY KEY, id text NOT NULL)');
}
