import { describe, expect, test } from 'vitest';
import { httpTransport } from '../../src/adapters/httpTransport.js';
import type { PullRequest } from '../../src/engine/ports.js';

const { signal } = new AbortController();

function over(answer: () => Response) {
  const urls: string[] = [];
  const fetch = (url: unknown): Promise<Response> => {
    urls.push(String(url));
    return Promise.resolve(answer());
  };
  const transport = httpTransport({ url: '/sync', fetch, pageSize: 3 });
  const pull = (request: Omit<PullRequest, 'signal'>) => transport.pull!({ ...request, signal });
  return { urls, pull, rows: (page?: string) => pull({ cursor: undefined, snapshot: { page } }) };
}

const problem = (status: number, name: string, reason?: string): Response =>
  new Response(JSON.stringify({ type: `urn:holdfast:problem:${name}`, reason }), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  });

const entity = { type: 'todos', id: 'a', version: 3, data: { id: 'a' }, at: 5 };
const page = { entities: [entity], next: 'p2', cursor: 'e1.4' };

describe('PL1 a page of the snapshot', () => {
  test('is asked for by its name, and read as rows, the next page and the cursor', async () => {
    const { urls, rows } = over(() => Response.json(page));
    expect(await rows()).toEqual({
      kind: 'snapshot',
      page: {
        rows: [{ collection: 'todos', id: 'a', row: { id: 'a' }, version: 3, at: 5 }],
        next: 'p2',
        cursor: 'e1.4',
      },
    });
    await rows('p/1 & more');
    expect(urls).toEqual(['/sync/snapshot?limit=3', '/sync/snapshot?page=p%2F1%20%26%20more&limit=3']);
  });

  test('is the last without a next one', async () => {
    const { rows } = over(() => Response.json({ ...page, next: null }));
    expect(await rows('p2')).toMatchObject({ page: { next: undefined } });
  });

  test.each([
    ['text', 'rows'],
    ['no entities', { ...page, entities: undefined }],
    ['one malformed row', { ...page, entities: [entity, { ...entity, id: '' }] }],
    ['no cursor', { ...page, cursor: '' }],
    ['a next page that is a number', { ...page, next: 7 }],
    ['no next page', { ...page, next: undefined }],
    ['the page it was asked for as the next', { ...page, next: 'p1' }],
  ])('with %s fails as a whole: what is skipped would be taken for deleted', async (_, body) => {
    const { rows } = over(() => Response.json(body));
    expect(await rows('p1')).toMatchObject({
      kind: 'failed',
      reply: { kind: 'failure', cause: { code: 'UNEXPECTED_RESPONSE' } },
    });
  });
});

describe('PL1 a place from which the server does not go on', () => {
  test.each([
    ['collected', problem(410, 'cursor-expired', 'gc'), { kind: 'resync' }],
    ['of another database', problem(410, 'cursor-expired', 'epoch'), { kind: 'resync', elsewhere: true }],
    ['of another kind of server', problem(400, 'malformed-cursor'), { kind: 'resync' }],
    ['of a request that is wrong otherwise', problem(400, 'malformed-request'), { kind: 'failed' }],
    ['gone, says a stranger', new Response('gone', { status: 410 }), { kind: 'failed' }],
  ])('%s', async (_, response, expected) => {
    const { pull } = over(() => response);
    expect(await pull({ cursor: 'e1.4' })).toMatchObject(expected);
  });
});
