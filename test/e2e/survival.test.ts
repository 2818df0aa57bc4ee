import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createWorld, rowId, ROWS, type Browser, type EffectRow, type World } from './world.js';

let world: World;
let before: number;
beforeAll(async () => {
  world = await createWorld();
}, 120_000);
afterAll(() => world.close());
beforeEach(async () => {
  world.proxy.offline = false;
  world.proxy.loseAnswers = 0;
  world.proxy.hold = undefined;
  world.proxy.feed = true;
  world.proxy.onPush = () => undefined;
  before = (await world.effects()).length;
});

/** What the server did since the test began. */
const effects = async (): Promise<EffectRow[]> => (await world.effects()).slice(before);

async function launch(profile = world.profile(), script?: string): Promise<Browser> {
  const browser = await world.launch(profile, script);
  onTestFinished(() => browser.context.close());
  return browser;
}

/** The page shows the server's rows. */
async function loaded({ page }: Browser): Promise<void> {
  await page.getByRole('listitem').nth(19).waitFor();
}

/** Each token's effect, once, and per row in the order of the calls. */
function expectOnceInOrder(
  done: readonly EffectRow[],
  calls: readonly { token: string; id: string }[],
): void {
  expect(done).toHaveLength(calls.length);
  expect(new Set(done.map((e) => e.op)).size).toBe(calls.length);
  for (const id of new Set(calls.map((c) => c.id)))
    expect(done.filter((e) => e.id === id).map((e) => tokenOf(e.op))).toEqual(
      calls.filter((c) => c.id === id).map((c) => c.token),
    );
}

const tokenOf = (op: string): string => op.split('.')[0] ?? op;

// A change to the value that is already there is none, so each run writes texts of its own.
let runs = 0;

/** Edits many rows in a few ticks, by mutations that do not merge, and resolves when all of it is durable. */
function editMany({ page }: Browser, count: number): Promise<{ token: string; id: string }[]> {
  return page.evaluate(
    async ([count, rows, run]) => {
      const { client, note, visit } = app;
      const id = (n: number): string => `A${String(n % rows).padStart(2, '0')}`;
      const handles = [];
      for (let n = 0; n < count; n++) {
        handles.push({
          id: id(n),
          handle:
            n % 3 === 0
              ? client.mutate(visit, { id: id(n) })
              : client.mutate(note, { id: id(n), notes: `note ${n} of run ${run}` }),
        });
        if (n % 50 === 49) await Promise.resolve();
      }
      await Promise.all(handles.map(({ handle }) => handle.enqueued));
      return handles.map(({ id, handle }) => ({ id, token: handle.token }));
    },
    [count, ROWS, ++runs] as const,
  );
}

test('OB1 500 edits made offline survive a killed browser and reach PostgreSQL once each, in order', async () => {
  const profile = world.profile();
  const first = await launch(profile);
  await first.open();
  await loaded(first);
  world.proxy.offline = true;

  const scripted = await editMany(first, 440);
  const input = first.page.locator('[data-id=A03] input');
  await input.focus();
  await input.press('Control+A');
  await first.page.keyboard.type('Runway lights out on the east side, call the tower to be sure', {
    delay: 0,
  });
  await expect.poll(() => first.page.evaluate(() => app.client.pending({ state: 'saving' }).length)).toBe(0);
  const typed = await first.page.evaluate(() =>
    app.client
      .pending()
      .slice(440)
      .map((m) => ({ id: m.entities[0]?.id ?? '', token: m.token })),
  );
  const calls = [...scripted, ...typed];
  expect(calls).toHaveLength(501);
  const shown = await first.page.evaluate(() => app.client.query(app.airports, { orderBy: 'id' }));
  await first.kill();

  const second = await launch(profile);
  await second.open();
  // Complete before any network: the wire to the server is still cut.
  expect(await second.page.evaluate(() => app.client.query(app.airports, { orderBy: 'id' }))).toEqual(shown);
  await expect.poll(() => second.page.getByRole('status').textContent()).toContain('501 pending');
  expect(await second.page.locator('[data-id=A03] input').inputValue()).toBe(
    'Runway lights out on the east side, call the tower to be sure',
  );
  expect(await effects()).toEqual([]);

  world.proxy.offline = false;
  await second.page.evaluate(() => app.client.flush());
  // What was typed is built-in updates of one row, which go as one (CO2).
  const [merged, ...others] = (await effects()).filter(
    (e) => !scripted.some((c) => c.token === tokenOf(e.op)),
  );
  expect([merged?.id, others]).toEqual(['A03', []]);
  expectOnceInOrder(
    (await effects()).filter((e) => e !== merged && e.op !== merged?.op),
    scripted,
  );
  for (const row of shown) expect(await world.row(row.id)).toEqual(row);
  await expect
    .poll(() => second.page.getByRole('status').textContent())
    .toBe('synced, 0 pending, 0 failed, durable');
});

test('CO2 a merge that was sent when the browser was killed is sent again as it was, and takes effect once', async () => {
  const profile = world.profile();
  const first = await launch(profile);
  await first.open();
  await loaded(first);
  world.proxy.hold = new Promise(() => undefined); // no answer ever comes back
  world.proxy.feed = false;
  const reached = new Promise<string>((resolve) => (world.proxy.onPush = resolve));
  const tokens = await first.page.evaluate(async () => {
    const { client, airports } = app;
    const handles = [1, 2, 3, 4, 5, 6].map((letters) =>
      client.update(airports, 'A17', { notes: 'lights'.slice(0, letters) }),
    );
    await Promise.all(handles.map((handle) => handle.enqueued));
    return handles.map((handle) => handle.token);
  });
  const body = await reached;
  await first.kill();

  world.proxy.hold = undefined;
  const again = new Promise<string>((resolve) => (world.proxy.onPush = resolve));
  const second = await launch(profile);
  await second.open();
  const opsOf = (request: string): unknown => (JSON.parse(request) as { ops: unknown }).ops;
  expect(opsOf(await again)).toEqual(opsOf(body));
  await second.page.evaluate(() => app.client.flush());
  const done = await effects();
  expect([done.length, done.some((e) => tokens.includes(tokenOf(e.op)))]).toEqual([1, false]);
  expect(await world.row('A17')).toMatchObject({ notes: 'lights' });
  expect(await second.page.evaluate(() => app.client.pending().length)).toBe(0);
});

test('OB5 an answer lost 50 times after the commit never doubles an effect', async () => {
  const browser = await launch();
  await browser.open('?batch=4');
  await loaded(browser);
  world.proxy.feed = false; // or the feed's echo would settle what the answer did not
  world.proxy.loseAnswers = 50;
  const calls = await editMany(browser, 60);
  await browser.page.evaluate(() => app.client.flush());
  expect(world.proxy.loseAnswers).toBe(0);
  expectOnceInOrder(await effects(), calls);
});

test('SV1 the server is killed in the middle of a drain and started again: nothing lost, nothing twice', async () => {
  const browser = await launch();
  await browser.open('?batch=5');
  await loaded(browser);
  const killed = new Promise<void>((resolve, reject) => {
    let pushes = 0;
    world.proxy.onPush = () => {
      if (++pushes === 7) world.killServer().then(resolve, reject);
    };
  });
  const calls = await editMany(browser, 200);
  await killed;
  expect((await effects()).length).toBeLessThan(200);
  await world.startServer();
  await browser.page.evaluate(() => app.client.flush());
  expectOnceInOrder(await effects(), calls);
});

const editAandB = async ({ page }: Browser, id: string): Promise<void> => {
  await page.evaluate(async (id) => {
    const { client, airports } = app;
    // PostgreSQL's jsonb cannot hold U+0000, so the server refuses A whatever else it knows.
    const a = client.update(airports, id, { name: 'refused \u0000' });
    const b = client.update(airports, id, { done: true });
    await Promise.all([a.enqueued, b.enqueued]);
  }, id);
};
const view = ({ page }: Browser, id: string): Promise<unknown> =>
  page.evaluate((id) => app.client.get(app.airports, id), id);

test('ST2 A is refused while B is in flight: B stays, exactly A goes', async () => {
  const browser = await launch();
  await browser.open();
  await loaded(browser);
  const id = rowId(30);
  let release: () => void = () => undefined;
  world.proxy.hold = new Promise((resolve) => (release = resolve));
  const pushed = new Promise<void>((resolve) => (world.proxy.onPush = () => resolve()));
  await editAandB(browser, id);
  await pushed;
  expect(await view(browser, id)).toMatchObject({ name: 'refused \u0000', done: true });
  release();
  await browser.page.evaluate(() => app.client.flush());
  expect(await view(browser, id)).toMatchObject({ name: 'Airport 30', done: true });
  expect(await world.row(id)).toMatchObject({ name: 'Airport 30', done: true });
  expect(await browser.page.evaluate(() => app.client.deadLetters().map((d) => d.error.code))).toEqual([
    'REFUSED',
  ]);
});

test('ST2 A and B are restored after a reload; A is refused: B stays, exactly A goes', async () => {
  const browser = await launch();
  await browser.open();
  await loaded(browser);
  const id = rowId(31);
  world.proxy.offline = true;
  await editAandB(browser, id);
  await browser.open();
  expect(await view(browser, id)).toMatchObject({ name: 'refused \u0000', done: true });
  world.proxy.offline = false;
  await browser.page.evaluate(() => app.client.flush());
  expect(await view(browser, id)).toMatchObject({ name: 'Airport 31', done: true });
  expect(await world.row(id)).toMatchObject({ name: 'Airport 31', done: true });
  await browser.open();
  expect(await browser.page.evaluate(() => app.client.deadLetters().length)).toBe(1);
});

test('OB9 the outbox cannot be opened: the app works, says so once, and status is not durable', async () => {
  const broken = `Object.defineProperty(IDBFactory.prototype, 'open', { value() { throw new DOMException('Internal error opening backing store', 'UnknownError'); } });`;
  const browser = await launch(world.profile(), broken);
  const warnings: string[] = [];
  browser.page.on('console', (message) => {
    if (message.type() === 'warning' && message.text().includes('holdfast')) warnings.push(message.text());
  });
  await browser.open();
  await loaded(browser);
  const calls = await editMany(browser, 10);
  await browser.page.evaluate(() => app.client.flush());
  expectOnceInOrder(await effects(), calls);
  expect(await browser.page.getByRole('status').textContent()).toContain('not durable');
  expect(await browser.page.evaluate(() => app.degraded)).toEqual(['STORAGE']);
  expect(warnings).toHaveLength(1);
});

test('MU1 an edit in one page shows in another browser, through the server', async () => {
  const [ada, ben] = [await launch(), await launch()];
  await ada.open();
  await ben.open();
  await loaded(ben);
  await loaded(ada);
  await ada.page.locator('[data-id=A05] input').fill('seen by Ben');
  await expect.poll(() => ben.page.locator('[data-id=A05] input').inputValue()).toBe('seen by Ben');
});

test('OB3 two tabs write at once: one drains, each effect once, and both see everything', async () => {
  const first = await launch();
  await first.open();
  await loaded(first);
  const page = await first.context.newPage();
  await page.goto(first.page.url());
  await page.waitForFunction(() => 'app' in globalThis);
  const second = { ...first, page };
  await loaded(second);
  const calls = (await Promise.all([editMany(first, 100), editMany(second, 100)])).flat();
  await Promise.all([first, second].map((tab) => tab.page.evaluate(() => app.client.flush())));
  const done = await effects();
  expect(done.map((e) => tokenOf(e.op)).toSorted()).toEqual(calls.map((c) => c.token).toSorted());
  const rows = await Promise.all(
    [first, second].map((tab) => tab.page.evaluate(() => app.client.query(app.airports, { orderBy: 'id' }))),
  );
  expect(rows[1]).toEqual(rows[0]);
  for (const row of rows[0] ?? []) expect(await world.row(row.id)).toEqual(row);
  expect(await second.page.evaluate(() => app.client.status.get().leader)).toBe(false);
});
