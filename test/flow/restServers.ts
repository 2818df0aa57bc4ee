import express, { errorHandler, json, rest, urlencoded } from '@feathersjs/express';
import { feathers } from '@feathersjs/feathers';
import { memory } from '@feathersjs/memory';
import jsonServer from 'json-server';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { switchableConnectivity } from '../../src/testing/switchableConnectivity.js';

// REST servers that others have written, in this process, and a network in front of them that fails when told to.

/** Taken before a test may put something in its place. */
const direct = globalThis.fetch;

export interface RestServer {
  readonly url: string;
  /** What a browser without Holdfast would see. */
  read(path: string): Promise<unknown>;
}

/** json-server keeps the ids that clients make, and all else it is sent. */
export function startJsonServer(data: Record<string, object[]>): Promise<RestServer> {
  const app = jsonServer.create();
  app.use(jsonServer.router(data));
  return listen(app);
}

/**
 * json-server behind what many APIs have: each write counts `rev`, is refused where `If-Match` names another (RFC 9110
 * §13.1.1), and is stamped by the server's clock: in `updatedAt`, and in `Last-Modified`.
 * @param now the server's clock, in milliseconds since the epoch
 */
export function startGuardedServer(data: { todos: object[] }, now: () => number): Promise<RestServer> {
  const app = jsonServer.create();
  const router = jsonServer.router<{ todos: Stamped[] }>(data as { todos: Stamped[] });
  app.use(jsonServer.bodyParser);
  app.use((request, response, next) => {
    const stored = (): Stamped | undefined =>
      router.db.getState().todos.find(({ id }) => request.path === `/todos/${id}`);
    const { rev = 0, updatedAt } = stored() ?? {};
    response.setHeader('date', new Date(now()).toUTCString());
    if (request.method === 'GET' && updatedAt !== undefined)
      response.setHeader('last-modified', new Date(updatedAt).toUTCString());
    const expected = request.get('if-match');
    if (expected !== undefined && expected !== `"${rev}"`) {
      response.status(412).json({ title: 'Somebody else has written it' });
      return;
    }
    if (request.method !== 'GET') {
      Object.assign(request.body as object, { rev: rev + 1, updatedAt: new Date(now()).toISOString() });
      response.setHeader('last-modified', new Date(now()).toUTCString());
    }
    next();
  });
  app.use(router);
  return listen(app);
}

interface Stamped {
  readonly id: string;
  readonly rev?: number;
  readonly updatedAt?: string;
}

/** Feathers numbers its rows by itself, from 0. */
export async function startFeathers(...services: readonly string[]): Promise<RestServer> {
  const app = express(feathers());
  app.use(json());
  app.use(urlencoded({ extended: true }));
  app.configure(rest());
  for (const service of services) app.use(service, memory({ multi: false }));
  app.use(errorHandler({ logger: false }));
  await app.setup();
  return listen(app as unknown as RequestListener);
}

async function listen(app: RequestListener): Promise<RestServer> {
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, read: async (path) => (await direct(`${url}${path}`)).json() as Promise<unknown> };
}

/** A network that is there, or not, or carries a request and loses its answer. */
export function createNetwork() {
  const connectivity = switchableConnectivity();
  const lines: string[] = [];
  let loses: (line: string) => boolean = () => false;
  return {
    connectivity,
    /** The requests that reached the server. */
    lines,
    /** Loses the answer to the next request that `pattern` fits; resolves when it has. */
    loseAnswer: (pattern: RegExp) =>
      new Promise<void>((resolve) => {
        loses = (line) => {
          if (!pattern.test(line)) return false;
          loses = () => false;
          resolve();
          return true;
        };
      }),
    fetch: async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
      if (!connectivity.online) throw new TypeError('Failed to fetch');
      const line = `${init?.method ?? 'GET'} ${new URL(input as string).pathname}`;
      lines.push(line);
      const response = await direct(input, init);
      if (loses(line)) throw new TypeError('Failed to fetch');
      return response;
    },
  };
}
