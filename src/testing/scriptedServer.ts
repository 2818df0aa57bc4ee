import { keyOf } from '../domain/changes.js';
import type { EntityKey, Row, ServerRow } from '../domain/entity.js';
import { SyncError } from '../domain/errors.js';
import type { AssignedId } from '../domain/identity.js';
import { idempotencyKey } from '../domain/mutation.js';
import { encodeOp } from '../domain/wire.js';
import type {
  ChangeSource,
  Problem,
  PullReply,
  PullRequest,
  Reply,
  SealedOp,
  Transport,
} from '../engine/ports.js';
import { createServerRows, type ServerTransaction } from './serverRows.js';
import { writeChange, type Move, type WireChange } from './writeChange.js';

/** An op as it arrived. */
export type WireOp = {
  readonly op: string;
  readonly rev: number;
  readonly after?: readonly string[];
  readonly follows?: readonly string[];
} & (
  | WireChange
  | { readonly kind: 'group'; readonly changes: readonly WireChange[] }
  | { readonly kind: 'command'; readonly name: string; readonly args: unknown }
);

/** Server code for a command: reads and writes rows, returns the result, and refuses by throwing a {@link SyncError}. */
export type ScriptedCommand = (args: never, tx: ServerTransaction) => unknown;

/**
 * How an op is refused: `true` is 422. A refusal is recorded with the op's key. What leaves the op undecided (500 and
 * more, 401, 408, 425, 426, 429, a 409 of a type that ends in `in-progress`, a 403 `wrong-account`) ends the batch.
 */
export type Refusal = boolean | number | (Problem & { readonly status: number });

/** One op that took effect. An op that is sent again must not be here twice. */
export interface AppliedOp {
  readonly key: string;
  readonly token: string;
  readonly op: WireOp;
  readonly rows: readonly ServerRow[];
}

export interface ScriptedServerOptions {
  readonly commands?: Readonly<Record<string, ScriptedCommand>>;
  /** The most changes of a page. @default 500 */
  readonly pageSize?: number;
  /** Whether it says what its rows add up to (PL4). @default true */
  readonly sums?: boolean;
  /** Whether there are snapshots; without them everything is read from the feed's beginning. @default true */
  readonly snapshots?: boolean;
  readonly limits?: Partial<Transport['limits']>;
  /** The id that the server gives to a row inserted there; undefined: the client's own (ID1). */
  readonly assignId?: (collection: string, row: Row) => string | undefined;
  /** The server's clock, in milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
}

export interface ScriptedServer extends Transport {
  pull(request: PullRequest): Promise<PullReply>;
  /** Pokes at every commit. */
  readonly changes: ChangeSource;
  /** Every effect, in commit order. */
  readonly journal: readonly AppliedOp[];
  timesApplied(token: string): number;
  get(collection: string, id: string): Row | undefined;
  /** The live rows of a collection, by id. */
  rows(collection: string): ReadonlyMap<string, Row>;
  /** Somebody else writes a row; `undefined` deletes it. */
  put(collection: string, id: string, row: Row | undefined): void;
  /** Refuses ops from now on, until the returned function is called. The first predicate that says so decides. */
  refuse(predicate: (op: WireOp) => Refusal | undefined): () => void;
  /** The next pull with an old cursor answers 410; deleted rows are forgotten. */
  expireCursors(): void;
  /** Forgets the changes up to now, as a server does in time: a cursor from before answers 410. Needs snapshots. */
  collectChanges(): void;
}

/** What an op came to. */
type Answer = Extract<Reply, { kind: 'answer' }>;

/**
 * The reference server in memory, as a transport without a network: idempotent by `token.rev`, all of an op or
 * nothing, versions that count, a feed that echoes ops. Several clients may share one.
 * @example
 * const server = createScriptedServer()
 * server.refuse((op) => op.kind === 'insert' && 403)
 */
export function createScriptedServer(options: ScriptedServerOptions = {}): ScriptedServer {
  const { commands = {}, pageSize = 500, snapshots = true, sums: offersSums = true } = options;
  const { limits, assignId, now = Date.now } = options;
  const database = createServerRows(now);
  const journal: AppliedOp[] = [];
  const records = new Map<string, { readonly body: string; readonly answer: Answer }>();
  /** What each accepted op did to the versions of rows, by token. */
  const accepted = new Map<string, ReadonlyMap<EntityKey, Move>>();
  const refusals: { readonly predicate: (op: WireOp) => Refusal | undefined }[] = [];
  const pokes = new Set<{ readonly poke: () => void }>();
  const pokeAll = (): void => {
    for (const { poke } of [...pokes]) poke();
  };

  function decide(sealed: SealedOp): Answer {
    const key = idempotencyKey(sealed);
    const record = records.get(key);
    // Stricter than a real server, which compares content: a sealed op is the same bytes every time (OB5).
    if (record !== undefined) return record.body === sealed.body ? record.answer : refusal(422, 'key-reused');
    const op = JSON.parse(sealed.body) as WireOp;
    const answer = refusedBy(op) ?? apply(key, op);
    if (!isUndecided(answer)) records.set(key, { body: sealed.body, answer });
    return answer;
  }

  function refusedBy(op: WireOp): Answer | undefined {
    for (const { predicate } of refusals) {
      const said = predicate(op);
      if (said === undefined || said === false) continue;
      if (typeof said === 'object') return refusal(said.status, 'scripted', said);
      return refusal(said === true ? 422 : said, 'scripted');
    }
    const missing = op.after?.find((token) => !accepted.has(token));
    return missing === undefined ? undefined : refusal(424, 'dependency-not-accepted', { missing });
  }

  function apply(key: string, op: WireOp): Answer {
    let answer: Answer = { kind: 'answer', status: 200, rows: [] };
    const before = [...(op.after ?? []), ...(op.follows ?? [])];
    // In whatever order they are named, the newest counts.
    const moves = before.flatMap((token) => [...(accepted.get(token) ?? [])]);
    const chain = new Map(moves.sort(([, a], [, b]) => a.after - b.after));
    const rows = database.transact(key, (tx) => {
      answer = op.kind === 'command' ? runCommand(tx, op.name, op.args) : applyChanges(tx, op, chain);
      return answer.status === 200;
    });
    if (answer.status !== 200) return answer;
    const moved = rows.map((row): [EntityKey, Move] => {
      const move = chain.get(keyOf(row));
      const { version } = row;
      return [keyOf(row), move?.after === version ? move : { before: version - 1, after: version }];
    });
    accepted.set(op.op, new Map(moved));
    journal.push({ key, token: op.op, op, rows });
    if (rows.length > 0) pokeAll();
    // Rows that were touched but not changed (a delete of nothing) are told too.
    const told = new Map([...answer.rows, ...rows].map((row) => [`${row.collection}/${row.id}`, row]));
    return { ...answer, rows: [...told.values()] };
  }

  function applyChanges(
    tx: ServerTransaction,
    op: Exclude<WireOp, { kind: 'command' }>,
    chain: Map<EntityKey, Move>,
  ): Answer {
    const rows: ServerRow[] = [];
    const ids: AssignedId[] = [];
    for (const sent of op.kind === 'group' ? op.changes : [op]) {
      const to = sent.kind === 'insert' ? assignId?.(sent.type, sent.data) : undefined;
      const change =
        to === undefined || sent.kind !== 'insert'
          ? sent
          : { ...sent, id: to, data: { ...sent.data, id: to } };
      const outcome = writeChange(tx, change, chain);
      if ('status' in outcome) return refusal(outcome.status, outcome.name, { current: outcome.current });
      if (to !== undefined) ids.push({ collection: sent.type, from: sent.id, to });
      rows.push(outcome);
    }
    return { kind: 'answer', status: 200, rows, ...(ids.length > 0 && { ids }) };
  }

  function runCommand(tx: ServerTransaction, name: string, args: unknown): Answer {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) return refusal(422, 'unknown-command', { title: `No command "${name}"` });
    try {
      const result = command(args as never, tx);
      return { kind: 'answer', status: 200, rows: [], ...(result !== undefined && { result }) };
    } catch (error) {
      if (error instanceof SyncError) return refusal(422, 'invalid', { title: error.message });
      throw error;
    }
  }

  return {
    ordered: true,
    limits: { maxBatch: 100, maxBytes: 512 * 1024, ...limits },
    encode: encodeOp,
    // eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous, this server is not
    async push(sealed) {
      const replies: Reply[] = [];
      let ended = false;
      for (const op of sealed) {
        const serverTime = { at: now(), resolutionMs: 1 };
        const reply: Reply = ended ? { kind: 'omitted' } : { ...decide(op), serverTime };
        if (reply.kind === 'answer' && isUndecided(reply)) ended = true;
        replies.push(reply);
      }
      return replies;
    },
    snapshots,
    // eslint-disable-next-line @typescript-eslint/require-await -- as above
    async pull({ cursor, snapshot, limit = pageSize, sums = false }) {
      const size = Math.min(limit, pageSize);
      if (snapshot !== undefined) {
        const some = database.snapshot(snapshot.page, size, snapshot.collections);
        return some === undefined ? { kind: 'resync' } : { kind: 'snapshot', page: some };
      }
      const page = database.page(cursor, size);
      if (page === undefined) return { kind: 'resync' };
      return {
        kind: 'page',
        page: sums && offersSums && page.upToDate ? { ...page, sums: database.sums() } : page,
      };
    },
    changes: {
      listen(poke, signal) {
        if (signal.aborted) return;
        const entry = { poke };
        pokes.add(entry);
        signal.addEventListener('abort', () => pokes.delete(entry), { once: true });
        poke();
      },
    },
    get journal() {
      return journal;
    },
    timesApplied: (token) => journal.filter((entry) => entry.token === token).length,
    get: (collection, id) => database.find(collection, id)?.row,
    rows(collection) {
      const live = new Map<string, Row>();
      for (const { collection: of, id, row } of database.all())
        if (of === collection && row !== undefined) live.set(id, row);
      return live;
    },
    put(collection, id, row) {
      database.transact(undefined, (tx) => {
        if (row === undefined) tx.delete(collection, id);
        else tx.put(collection, id, row);
        return true;
      });
      pokeAll();
    },
    refuse(predicate) {
      const entry = { predicate };
      refusals.push(entry);
      return () => {
        const at = refusals.indexOf(entry);
        if (at >= 0) refusals.splice(at, 1);
      };
    },
    expireCursors() {
      database.expireCursors();
      pokeAll();
    },
    collectChanges: () => database.collectChanges(),
  };
}

/** It will be sent again: nothing is recorded, and nothing may overtake it. */
function isUndecided({ status, problem }: Answer): boolean {
  const is = (name: string): boolean => problem?.type?.endsWith(name) === true;
  return (
    status >= 500 ||
    [401, 408, 425, 426, 429].includes(status) ||
    (status === 403 && is('wrong-account')) ||
    (status === 409 && is('in-progress'))
  );
}

function refusal(status: number, name: string, members: Problem = {}): Answer {
  const { retryAfterMs } = members;
  return {
    kind: 'answer',
    status,
    rows: [],
    problem: { type: `urn:holdfast:problem:${name}`, ...members },
    ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
  };
}
