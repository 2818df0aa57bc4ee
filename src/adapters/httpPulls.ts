import type { ServerRow } from '../domain/entity.js';
import { describe } from '../domain/errors.js';
import { isCount, isObject, readEntity, readPage } from '../domain/wire.js';
import type { PullReply, PullRequest, SnapshotPage } from '../engine/ports.js';
import { answer, failed, unexpected, type Received } from './httpReplies.js';

// From the answer to a GET of changes or of a page of the snapshot to what the engine may believe of it.

export type PullTarget = Omit<PullRequest, 'signal'>;

/** What is asked for, below the transport's URL. */
export function pullPath({ cursor, snapshot, limit, sums }: PullTarget, most: number): string {
  const { page, collections = [] } = snapshot ?? {};
  const query: [string, string | undefined][] = [
    snapshot === undefined ? ['since', cursor] : ['page', page],
    ['limit', `${Math.min(limit ?? most, most)}`],
    ['sums', sums === true ? '1' : undefined],
    ...collections.map((name): [string, string] => ['type', name]),
  ];
  const given = query.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return `${snapshot === undefined ? '/changes' : '/snapshot'}?${given.join('&')}`;
}

export function readPull(received: Received, target: PullTarget): PullReply {
  const { response, json } = received;
  const { cursor, snapshot } = target;
  if (response.ok) {
    const page = snapshot === undefined ? readPage(json, cursor) : readSnapshot(json, snapshot.page);
    if ('wrong' in page)
      return { kind: 'failed', reply: failed(unexpected(received, `it has ${page.wrong}`)) };
    return 'rows' in page ? { kind: 'snapshot', page } : { kind: 'page', page };
  }
  if (isObject(json) && isAtAnEnd(response.status, json))
    return { kind: 'resync', ...(json['reason'] === 'epoch' && { elsewhere: true }) };
  return { kind: 'failed', reply: answer(received) };
}

/** Not from there: the place is too old, of another database, or means nothing to this server. */
function isAtAnEnd(status: number, { type }: Record<string, unknown>): boolean {
  return status === 410 || (status === 400 && typeof type === 'string' && type.endsWith(':malformed-cursor'));
}

/** One bad row spoils the page: skipping it would take it for deleted. */
function readSnapshot(value: unknown, asked: string | undefined): SnapshotPage | { readonly wrong: string } {
  if (!isObject(value)) return { wrong: describe(value) };
  const { entities, next, cursor, total } = value;
  if (typeof cursor !== 'string' || cursor === '') return { wrong: `a cursor that is ${describe(cursor)}` };
  if (next !== null && (typeof next !== 'string' || next === '')) return { wrong: `next ${describe(next)}` };
  if (!Array.isArray(entities)) return { wrong: `entities ${describe(entities)}` };
  if (next !== null && next === asked) return { wrong: `as next page the one it was asked for (${asked})` };
  const rows: ServerRow[] = [];
  for (const entity of entities as unknown[]) {
    const row = readEntity(entity);
    if (row === undefined) return { wrong: `a malformed row at index ${rows.length}` };
    rows.push(row);
  }
  return { rows, next: next ?? undefined, cursor, ...(isCount(total) && { total }) };
}
