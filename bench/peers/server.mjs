// The server of one row. It answers a write when the scenario says so, and knows idempotency keys.

export const BASE = { id: '1', title: 'base', done: false, n: 0 };

/** A change is fields to set, or `{ increment: 1 }`: the server adds, as a row of counters would have it. */
export const applied = (row, { increment = 0, ...fields }) => ({ ...row, ...fields, n: row.n + increment });

export function createServer() {
  const answers = new Map();
  const waiting = [];
  const server = {
    row: { ...BASE },
    version: 1,
    offline: false,
    /** Accepts every write at once. */
    auto: false,
    /** Every write request that reached the server: when, its changes and its keys. */
    writes: [],

    /** What one process uses to reach the server; after `cut` nothing comes through any more. */
    connect() {
      let cut = false;
      const line = (answer) => (cut ? new Promise(() => undefined) : answer());
      const reach = async (serve) => {
        await null;
        if (server.offline) throw new TypeError('Failed to fetch');
        return line(async () => {
          const answer = await serve().catch((error) => line(() => Promise.reject(error)));
          return line(() => answer);
        });
      };
      return {
        cut: () => (cut = true),
        read: () => reach(async () => ({ ...server.row })),
        /** One request with one change, as a REST API has it. Throws an error with a status. */
        write: (change, key) =>
          reach(async () => {
            const [answer] = await receive([{ change, key }]);
            if (answer.status !== 200) throw Object.assign(new Error(answer.title), answer);
            return answer.row;
          }),
        /** One request with several changes; an answer for each. */
        writeAll: (changes) => reach(() => receive(changes)),
      };
    },

    /** Answers the oldest undecided write with a change that has `field`; false when there is none. */
    answer(field, decide) {
      const at = waiting.findIndex(({ change }) => field in change);
      if (at >= 0) decide(waiting.splice(at, 1)[0]);
      return at >= 0;
    },
    accept: (field) => server.answer(field, (request) => request.resolve(commit(request))),
    refuse: (field) => server.answer(field, (request) => request.resolve({ status: 422, title: 'Refused' })),
    busy: (field, seconds) =>
      server.answer(field, (request) =>
        request.resolve({
          status: 503,
          title: 'Busy',
          headers: new Headers({ 'retry-after': String(seconds) }),
        }),
      ),
    /** Applied, but the connection breaks before the answer. */
    lose: (field) =>
      server.answer(field, (request) => {
        commit(request);
        request.reject(new TypeError('Failed to fetch'));
      }),
  };

  /** In order; what comes after a change that must be sent again is not looked at. */
  async function receive(requests) {
    server.writes.push({
      at: Date.now(),
      changes: requests.map(({ change }) => change),
      keys: requests.map(({ key }) => key),
    });
    const replies = [];
    for (const request of requests) {
      const reply = server.auto
        ? commit(request)
        : await new Promise((resolve, reject) => waiting.push({ ...request, resolve, reject }));
      replies.push(reply);
      if (reply.status === 503) break;
    }
    return replies;
  }

  function commit({ change, key }) {
    if (key !== undefined && answers.has(key)) return answers.get(key);
    server.row = applied(server.row, change);
    server.version++;
    const answer = { status: 200, row: { ...server.row } };
    if (key !== undefined) answers.set(key, answer);
    return answer;
  }

  return server;
}
