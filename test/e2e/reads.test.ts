import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createWorld, ROWS, type Browser, type World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, 120_000);
afterAll(() => world.close());

async function launch(profile = world.profile()): Promise<Browser> {
  const browser = await world.launch(profile);
  onTestFinished(() => browser.context.close());
  return browser;
}

const count = ({ page }: Browser): Promise<number> =>
  page.evaluate(() => app.client.query(app.airports).filter(({ id }) => id.startsWith('A')).length);

test('PL2 a browser killed in the midst of its first pull goes on from its checkpoint, and edits made meanwhile are there', async () => {
  const profile = world.profile();
  world.proxy.pages = 3;
  const first = await launch(profile);
  await first.open('?page=5');
  await expect.poll(() => count(first), { timeout: 20_000 }).toBe(15);
  expect(await first.page.evaluate(() => app.client.status.get().progress)).toMatchObject({
    phase: 'execute',
    operation: 'full',
    done: 15,
    total: ROWS,
  });
  world.proxy.offline = true;
  await first.page.evaluate(async () => {
    const row = { id: 'Z1', name: 'made meanwhile', notes: '', visits: 0 };
    await Promise.all([
      app.client.insert(app.airports, row).enqueued,
      app.client.mutate(app.note, { id: 'A07', notes: 'mine' }).enqueued,
    ]);
  });
  await first.kill();

  world.proxy.requests.length = 0;
  const second = await launch(profile);
  await second.open('?page=5');
  const shown = () =>
    second.page.evaluate(() => [
      app.client.get(app.airports, 'Z1')?.name,
      app.client.get(app.airports, 'A07')?.notes,
    ]);
  expect([await count(second), await shown()]).toEqual([15, ['made meanwhile', 'mine']]);
  world.proxy.offline = false;
  world.proxy.pages = Infinity;
  await expect.poll(() => count(second), { timeout: 20_000 }).toBe(ROWS);
  await second.page.evaluate(() => app.client.flush());
  expect([await shown(), (await world.row('A07'))?.['notes'], (await world.row('Z1'))?.['name']]).toEqual([
    ['made meanwhile', 'mine'],
    'mine',
    'made meanwhile',
  ]);
  const snapshots = world.proxy.requests.filter((line) => line.includes('/snapshot'));
  expect(
    snapshots.every((line) => line.includes('page=')),
    'none begins anew',
  ).toBe(true);
});

test('OS1 PL2 a first pull shows how far it is, and a note can be typed between its pages, which no page takes back', async () => {
  world.proxy.pages = 2;
  const browser = await launch();
  await browser.open('?page=5');
  const { page } = browser;
  const bar = page.getByRole('progressbar', { name: 'Reading' });
  const part = () => bar.evaluate(({ value }: HTMLProgressElement) => value);
  await expect.poll(part, { timeout: 20_000 }).toBe(10);
  expect(await bar.evaluate(({ max }: HTMLProgressElement) => max)).toBeGreaterThanOrEqual(ROWS);

  const note = page.locator('li[data-id="A03"] input');
  await note.focus();
  await page.keyboard.type('typed ');
  world.proxy.pages = 2;
  await expect.poll(part, { timeout: 20_000 }).toBe(20);
  await page.keyboard.type('meanwhile');
  expect([await note.inputValue(), await part()]).toEqual(['typed meanwhile', 20]);

  world.proxy.pages = Infinity;
  await expect.poll(() => count(browser), { timeout: 20_000 }).toBe(ROWS);
  await expect.poll(() => bar.count()).toBe(0);
  await page.evaluate(() => app.client.flush());
  expect([await note.inputValue(), (await world.row('A03'))?.['notes']]).toEqual([
    'typed meanwhile',
    'typed meanwhile',
  ]);
});

test('RL1 over a WebSocket an edit of another device shows at once, and a reconnect closes the gap, without a poll', async () => {
  const browser = await launch();
  await browser.open('?socket&poll=3600000');
  await expect.poll(() => count(browser), { timeout: 20_000 }).toBe(ROWS);
  const notes = () => browser.page.evaluate(() => app.client.get(app.airports, 'A01')?.notes);
  await expect.poll(() => world.proxy.sockets.size).toBe(1);
  await elsewhere('A01', 'seen by a poke');
  await expect.poll(notes, { timeout: 20_000 }).toBe('seen by a poke');

  world.proxy.feed = false;
  for (const socket of world.proxy.sockets) socket.destroy();
  await elsewhere('A01', 'missed');
  world.proxy.feed = true;
  await expect.poll(notes, { timeout: 30_000 }).toBe('missed');
});

/** Another device writes. */
async function elsewhere(id: string, notes: string): Promise<void> {
  const response = await fetch(`${world.proxy.target}/sync/ops`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client: 'other',
      ops: [{ op: `other-${notes}`, rev: 0, kind: 'update', type: 'airports', id, patch: { notes } }],
    }),
  });
  const { results } = (await response.json()) as { results: { status: number }[] };
  expect(results.map(({ status }) => status)).toEqual([200]);
}

/** What a source tells of a server that misbehaves in a new way at each connection. */
async function heard(
  browser: Browser,
  kind: 'webSocketChanges' | 'eventSourceChanges',
  url: string,
): Promise<() => Promise<string[]>> {
  await browser.page.evaluate(
    ([source, to]) => {
      const log: string[] = [];
      Object.assign(globalThis, { log });
      const changes =
        source === 'webSocketChanges'
          ? app.webSocketChanges({
              url: to,
              random: () => 0,
              onClose: ({ code, reason }) => log.push(`${code} ${reason}`),
            })
          : app.eventSourceChanges({ url: to });
      changes.listen(
        () => log.push('poke'),
        new AbortController().signal,
        (is) => log.push(is ? 'connected' : 'gone'),
      );
    },
    [kind, url] as const,
  );
  return () => browser.page.evaluate(() => (globalThis as unknown as { log: string[] }).log);
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('RL1 a socket that is closed with a code, or says 10 MB, ends, and the next one closes the gap', async () => {
  const browser = await launch();
  await browser.open();
  const server = createServer();
  const turns: ((socket: WebSocket) => void)[] = [
    (socket) => socket.close(4321, 'go away'),
    (socket) => socket.send(JSON.stringify({ event: 'poke', id: 'x'.repeat(10_000_000) })),
    (socket) => socket.send(JSON.stringify({ event: 'poke', id: 'e1.7' })),
  ];
  new WebSocketServer({ server, path: '/stream' }).on('connection', (socket) => turns.shift()?.(socket));
  const log = await heard(browser, 'webSocketChanges', await listening(server));
  await expect
    .poll(log, { timeout: 30_000 })
    .toEqual([
      'connected',
      'poke',
      'gone',
      '4321 go away',
      'connected',
      'poke',
      'gone',
      '4001 not a message of this protocol',
      'connected',
      'poke',
      'poke',
    ]);
});

test('RL1 a stream that breaks off within a line, is refused, or says 10 MB, is heard again, and a poke closes each gap', async () => {
  const browser = await launch();
  await browser.open();
  const begin = (out: ServerResponse): ServerResponse => {
    out.writeHead(200, { 'content-type': 'text/event-stream', 'access-control-allow-origin': '*' });
    return out;
  };
  const turns: ((out: ServerResponse) => void)[] = [
    (out) => begin(out).write('retry: 50\n\nevent: po', () => out.destroy()),
    (out) => out.writeHead(500, { 'access-control-allow-origin': '*' }).end(),
    (out) => begin(out).write(`event: poke\ndata: ${'x'.repeat(10_000_000)}\n\nevent: reset\ndata: {}\n\n`),
  ];
  const server = createServer((_request, out) => turns.shift()?.(out));
  const log = await heard(browser, 'eventSourceChanges', await listening(server));
  await expect
    .poll(log, { timeout: 30_000 })
    .toEqual(['connected', 'poke', 'gone', 'gone', 'connected', 'poke', 'poke', 'poke']);
});
