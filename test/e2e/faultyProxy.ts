import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** A proxy between the browser and the server, whose wire can be cut in the ways wires are. */
export interface FaultyProxy {
  readonly url: string;
  /** Where requests go; a restarted server has another port. */
  target: string;
  /** Everything under /sync fails; the page itself still loads, as from a service worker's cache. */
  offline: boolean;
  /** Whether changes and pokes come through. */
  feed: boolean;
  /** So many pages of a snapshot come through; the next one waits until more may. */
  pages: number;
  /** WebSockets that are open. */
  readonly sockets: ReadonlySet<Duplex>;
  /** So many pushes reach the server, and their answers are cut off. */
  loseAnswers: number;
  /** While set, answers to pushes wait for it. */
  hold: Promise<void> | undefined;
  /** Called with every push that reached the server, once it has answered. */
  onPush: (body: string) => void;
  readonly requests: string[];
  close(): Promise<void>;
}

export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const server = createServer(
    (incoming, outgoing) => void forward(incoming, outgoing).catch(() => incoming.socket.destroy()),
  );
  const sockets = new Set<Duplex>();
  server.on('upgrade', (incoming, socket, head: Buffer) => {
    if (!proxy.feed) {
      socket.destroy();
      return;
    }
    const { hostname, port } = new URL(proxy.target);
    const onward = connect(Number(port), hostname);
    const raw = incoming.rawHeaders;
    const lines = raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1] ?? ''}`] : []));
    onward.write(`GET ${incoming.url ?? '/'} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    onward.write(head);
    onward.pipe(socket).pipe(onward);
    sockets.add(socket);
    for (const end of [socket, onward])
      end
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(socket);
          socket.destroy();
          onward.destroy();
        });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let pages = Infinity;
  const waiting = new Set<() => void>();
  const proxy: FaultyProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target,
    offline: false,
    feed: true,
    get pages() {
      return pages;
    },
    set pages(more) {
      pages = more;
      for (const again of waiting) again();
      waiting.clear();
    },
    sockets,
    loseAnswers: 0,
    hold: undefined,
    onPush: () => undefined,
    requests: [],
    async close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const url = incoming.url ?? '/';
    const isPush = url.startsWith('/sync/ops');
    if (url.startsWith('/sync')) proxy.requests.push(`${incoming.method ?? ''} ${url}`);
    if (
      (proxy.offline && url.startsWith('/sync')) ||
      (!proxy.feed && /^\/sync\/(changes|stream)/.test(url))
    ) {
      incoming.socket.destroy();
      return;
    }
    if (url.startsWith('/sync/snapshot')) {
      while (pages <= 0) await new Promise<void>((again) => waiting.add(again));
      if (outgoing.destroyed) return; // nobody waits for it any more
      pages--;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    await new Promise<void>((resolve, reject) => {
      const onward = request(
        proxy.target + url,
        { method: incoming.method, headers: incoming.headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          if (!isPush) {
            answer.pipe(outgoing);
            outgoing.on('close', () => answer.destroy());
            answer.on('end', resolve).on('error', reject);
            return;
          }
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('error', reject);
          answer.on('end', () => {
            proxy.onPush(body.toString());
            void (proxy.hold ?? Promise.resolve()).then(() => {
              if (proxy.loseAnswers > 0) {
                proxy.loseAnswers--;
                incoming.socket.destroy();
              } else outgoing.end(Buffer.concat(parts));
              resolve();
            });
          });
        },
      );
      onward.on('error', reject);
      onward.end(body);
    });
  }
  return proxy;
}
