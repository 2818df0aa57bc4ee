import type { ServerRow } from './entity.js';
import { describe, SyncError, type SyncErrorCode } from './errors.js';
import type { AssignedId } from './identity.js';
import type { MutationRecord, Sealed } from './mutation.js';
import type { Problem, Reply } from './reply.js';
import { isObject, readEntity } from './wire.js';

/** What the engine does about one sealed mutation. Only `accepted` and `refused` may remove it from the outbox. */
export type Verdict =
  | {
      readonly kind: 'accepted';
      readonly rows: readonly ServerRow[];
      readonly result: unknown;
      /** Absent where the server named nothing (ID1). */
      readonly ids?: readonly AssignedId[];
    }
  | { readonly kind: 'refused'; readonly error: SyncError; readonly rows: readonly ServerRow[] }
  /** Another has written meanwhile: its strategy says what becomes of it (CF). */
  | { readonly kind: 'conflict'; readonly error: SyncError; readonly rows: readonly ServerRow[] }
  /** Send the same bytes again after a delay; `wholeOrigin`: and nothing else to that server before. */
  | {
      readonly kind: 'retry';
      readonly error: SyncError;
      readonly retryAfterMs?: number;
      readonly wholeOrigin: boolean;
    }
  /** Nothing can be sent until somebody signs in or updates the app; nothing is dropped. */
  | { readonly kind: 'hold'; readonly error: SyncError }
  /** The server did not come to it: send the same bytes again, at once. */
  | { readonly kind: 'undecided' };

export interface Reconcilable {
  readonly record: MutationRecord;
  readonly sealed: Sealed;
  /** Whether it went as a command: then a 404 speaks of the command, not of a row that is already gone. */
  readonly command?: boolean;
}

type Answer = Extract<Reply, { kind: 'answer' }>;

/**
 * The one table of outcomes (RT1), by status code and problem type, never by message text.
 *
 * | reply                                    | verdict                                             |
 * | ---------------------------------------- | --------------------------------------------------- |
 * | 2xx                                      | accepted                                            |
 * | 404, 410, and every change is a delete   | accepted: already done                              |
 * | 404, 410 of a transport, with an update  | conflict: its row is gone (RD5)                     |
 * | 429, 503                                 | retry `UNAVAILABLE`, the whole origin waits         |
 * | 408, 425, any other 5xx                  | retry `UNAVAILABLE`; the whole origin waits only if |
 * |                                          | it is about the whole request                       |
 * | 409 `…in-progress`                       | retry `UNAVAILABLE`                                 |
 * | 401; 403 `…wrong-account`                | hold `UNAUTHORIZED`                                 |
 * | 426                                      | hold `CLIENT_OUTDATED`                              |
 * | 409 `…superseded`; 409, 412 of a command | refused `CONFLICT`                                  |
 * | 412, any other 409                       | conflict, with the server's rows                    |
 * | 403                                      | refused `FORBIDDEN`                                 |
 * | 413                                      | refused `TOO_LARGE`                                 |
 * | 424                                      | refused `DEPENDENCY`                                |
 * | any other 4xx                            | refused `REFUSED`                                   |
 * | 1xx, 3xx, no status at all               | retry `UNEXPECTED_RESPONSE`                         |
 * | no answer: network, timeout, unexpected, | retry, outcome unknown; the whole origin waits      |
 * | unclassified                             |                                                     |
 * | omitted                                  | undecided                                           |
 *
 * Source: RFC 9110 §15, RFC 6585 §4 (429), RFC 8470 §5.2 (425), RFC 4918 §11.4 (424).
 */
export function reconcile(mutation: Reconcilable, reply: Reply): Verdict {
  switch (reply.kind) {
    case 'omitted':
      return { kind: 'undecided' };
    case 'failure':
      return retry(failureError(mutation, reply), reply.retryAfterMs, true);
    case 'answer':
      return judge(mutation, reply);
  }
}

function judge(mutation: Reconcilable, reply: Answer): Verdict {
  const { status, problem } = reply;
  if (Number.isInteger(status) && status >= 200 && status <= 299)
    return {
      kind: 'accepted',
      rows: reply.rows,
      result: reply.result,
      ...(reply.ids !== undefined && { ids: reply.ids }),
    };
  const unavailable = (code: SyncErrorCode = 'UNAVAILABLE'): Verdict => {
    const wholeOrigin = status === 429 || status === 503 || reply.wholeRequest === true;
    return retry(answerError(mutation, reply, code), reply.retryAfterMs, wholeOrigin);
  };
  if (!Number.isInteger(status) || status < 400 || status > 599) return unavailable('UNEXPECTED_RESPONSE');
  if (status >= 500) return unavailable();
  const refused = (code: SyncErrorCode, rows = reply.rows): Verdict => ({
    kind: 'refused',
    error: answerError(mutation, reply, code),
    rows,
  });
  // A command says nothing of versions: what the server has against it is no other's write.
  const conflict = (rows: readonly ServerRow[]): Verdict => ({
    kind: mutation.command === true ? 'refused' : 'conflict',
    error: answerError(mutation, reply, 'CONFLICT'),
    rows,
  });
  switch (status) {
    case 408:
    case 425:
    case 429:
      return unavailable();
    case 401:
      return { kind: 'hold', error: answerError(mutation, reply, 'UNAUTHORIZED') };
    case 426:
      return { kind: 'hold', error: answerError(mutation, reply, 'CLIENT_OUTDATED') };
    case 403:
      return isProblem(problem, 'wrong-account')
        ? { kind: 'hold', error: answerError(mutation, reply, 'UNAUTHORIZED') }
        : refused('FORBIDDEN');
    case 404:
    case 410:
      return onlyDeletes(mutation)
        ? { kind: 'accepted', rows: reply.rows, result: reply.result }
        : isGone(mutation)
          ? conflict([...goneRows(mutation, problem), ...reply.rows, ...currentRows(problem)])
          : refused('REFUSED');
    case 409:
      if (isProblem(problem, 'in-progress')) return unavailable();
      if (isProblem(problem, 'superseded')) return refused('CONFLICT');
      return conflict([...reply.rows, ...currentRows(problem)]);
    case 412:
      return conflict([...reply.rows, ...currentRows(problem)]);
    case 413:
      return refused('TOO_LARGE');
    case 424:
      return refused('DEPENDENCY');
    default:
      return refused('REFUSED');
  }
}

function retry(error: SyncError, retryAfterMs: number | undefined, wholeOrigin: boolean): Verdict {
  return { kind: 'retry', error, ...(retryAfterMs !== undefined && { retryAfterMs }), wholeOrigin };
}

function onlyDeletes({ sealed, command }: Reconcilable): boolean {
  const { changes } = sealed;
  return command !== true && changes.length > 0 && changes.every(({ kind }) => kind === 'delete');
}

/** What a transport sent to rows: where those are not found, one of them is gone. */
function isGone({ sealed, command }: Reconcilable): boolean {
  const { changes, body } = sealed;
  return command !== true && body !== undefined && changes.some(({ kind }) => kind === 'update');
}

/** The row that is gone, where the answer does not show its tombstone: the one that was updated, or that it names. */
function goneRows({ sealed }: Reconcilable, problem: Problem | undefined): ServerRow[] {
  const { type, id } = isObject(problem?.['entity']) ? problem['entity'] : {};
  const updates = sealed.changes.filter(({ kind }) => kind === 'update');
  const named = updates.filter((change) => change.collection === type && change.id === id);
  const [gone, ...others] = named.length > 0 ? named : updates;
  if (gone === undefined || (named.length === 0 && others.length > 0)) return [];
  return [{ collection: gone.collection, id: gone.id, row: undefined, version: undefined }];
}

/** Problem types are URIs; what they end with is the name. */
function isProblem(problem: Problem | undefined, name: string): boolean {
  return typeof problem?.type === 'string' && problem.type.endsWith(name);
}

/** What the server has instead, so that the next view does not start from the base that just lost. */
function currentRows(problem: Problem | undefined): ServerRow[] {
  const current = problem?.['current'];
  const rows = (Array.isArray(current) ? current : [current]).map(readEntity);
  return rows.filter((row) => row !== undefined);
}

const FAILURE_CODE = {
  network: 'NETWORK',
  timeout: 'TIMEOUT',
  unexpected: 'UNEXPECTED_RESPONSE',
  unclassified: 'UNCLASSIFIED',
} as const satisfies Record<Extract<Reply, { kind: 'failure' }>['failure'], SyncErrorCode>;

function failureError(mutation: Reconcilable, reply: Extract<Reply, { kind: 'failure' }>): SyncError {
  const { cause, failure } = reply;
  const code = FAILURE_CODE[failure];
  if (cause instanceof SyncError && cause.code === code) return cause;
  return new SyncError(
    code,
    `${name(mutation)} has no answer yet (${failure}: ${describe(cause)}); it will be sent again with the same key.`,
    { cause },
  );
}

/** An error thrown by the app's own function is the app's own words: it is passed on as it is. */
function answerError(mutation: Reconcilable, reply: Answer, code: SyncErrorCode): SyncError {
  const { status, problem, cause } = reply;
  if (cause instanceof SyncError && (cause.code === code || code === 'REFUSED')) return cause;
  const said = [problem?.title, problem?.detail].filter((text) => typeof text === 'string').join(': ');
  return new SyncError(
    code,
    `${name(mutation)}: the server answered ${describe(status)}${said === '' ? '' : `, ${said}`}.`,
    { status, ...(cause !== undefined && { cause }), ...(problem !== undefined && { details: { problem } }) },
  );
}

const name = ({ record }: Reconcilable): string => `${record.name} (${record.token})`;
