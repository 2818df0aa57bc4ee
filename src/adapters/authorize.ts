import { replyOfThrown } from '../domain/thrown.js';
import { SyncError } from '../domain/errors.js';

export interface Auth {
  /** Headers for one request, e.g. `authorization`. */
  readonly headers?: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** Renews what `headers` returns; called once when the server answers with a status of `signInAt`. */
  readonly refresh?: () => Promise<void>;
  /** Statuses that mean "sign in", rather than no to what was sent: `[401, 403]` for a server that says so. @default [401] */
  readonly signInAt?: readonly number[];
}

/** Sends with fresh headers; aborted by `signal`. */
type Attempt<T> = (headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<T>;

/**
 * Runs a request with the headers of `auth`. On 401, or what else means it, it refreshes once, single flight across concurrent requests, and
 * tries once more; a request that was under way while another one refreshed only tries again, for a refresh token
 * used twice is often revoked. Each step has `timeoutMs`.
 */
export function authorize(
  auth: Auth | undefined,
  timeoutMs: number,
): <T extends { readonly response: Response }>(signal: AbortSignal, attempt: Attempt<T>) => Promise<T> {
  const { signInAt = [401] } = auth ?? {};
  const means = ({ response }: { readonly response: Response }): boolean =>
    signInAt.includes(response.status);
  /** A 401 speaks for itself; another status only says so by `signInAt`. */
  function judged<T extends { readonly response: Response }>(received: T): T {
    const { status } = received.response;
    if (status === 401 || !means(received)) return received;
    throw new SyncError('UNAUTHORIZED', `The server answered ${status}, which means: sign in.`, { status });
  }
  let refreshes = 0;
  let refreshing: Promise<void> | undefined;

  function refreshOnce(refresh: () => Promise<void>): Promise<void> {
    refreshing ??= within(timeoutMs, undefined, () => ofAuth('refresh', refresh))
      .then(() => {
        refreshes++;
      })
      .finally(() => {
        refreshing = undefined;
      });
    return refreshing;
  }

  return async (signal, attempt) => {
    const once = (): ReturnType<typeof attempt> =>
      within(timeoutMs, signal, async (deadline) => {
        const headers = auth?.headers === undefined ? {} : await ofAuth('headers', auth.headers);
        return attempt(headers, deadline);
      });
    const before = refreshes;
    const first = await once();
    const refresh = auth?.refresh;
    if (!means(first) || refresh === undefined) return judged(first);
    if (refreshes === before) await within(timeoutMs, signal, () => refreshOnce(refresh));
    return judged(await once());
  };
}

/**
 * Whatever refuses credentials means that somebody has to sign in: a 404 of the token endpoint is not the server's
 * word on a mutation. No answer there is no answer here.
 */
async function ofAuth<T>(name: keyof Auth, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reply = replyOfThrown(cause);
    const refused = reply.kind === 'answer' && reply.status < 500 && ![408, 425, 429].includes(reply.status);
    if (!refused) throw cause;
    throw new SyncError('UNAUTHORIZED', `auth.${name} was refused.`, { cause });
  }
}

/** Runs `work`, and gives up when `signal` is aborted or `ms` have passed, whether or not `work` listens to its signal. */
export async function within<T>(
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const deadline = new AbortController();
  const abort = (): void => deadline.abort(signal?.reason);
  const timer = setTimeout(
    () => deadline.abort(new DOMException(`No answer in ${ms} ms.`, 'TimeoutError')),
    ms,
  );
  signal?.addEventListener('abort', abort, { once: true });
  const givenUp = new Promise<never>((_, reject) => {
    deadline.signal.addEventListener('abort', () => reject(deadline.signal.reason as Error), { once: true });
  });
  try {
    return await Promise.race([givenUp, work(deadline.signal)]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
