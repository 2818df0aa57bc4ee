// Ours, twice: over the sync protocol, and with a `mutationFn` per mutation over a REST API as the peers have it.
import {
  createSyncClient,
  defineCollection,
  defineMutation,
  httpTransport,
} from '../../../dist-peers/index.js';

const rows = defineCollection({ name: 'rows', key: 'id' });
const answer = (body, status = 200) => Response.json(body, { status });

/** `POST /ops` and `GET /changes`, in front of the server of one row. */
function protocol(line) {
  return async (url, { method, body }) => {
    if (method === 'GET') {
      const row = await line.read();
      const entity = { type: 'rows', id: row.id, version: JSON.stringify(row), data: row };
      return answer({ changes: [entity], cursor: JSON.stringify(row), upToDate: true });
    }
    const { ops } = JSON.parse(body);
    const replies = await line.writeAll(ops.map((op) => ({ change: op.args ?? op.patch, key: `${op.op}.${op.rev}` }))); // prettier-ignore
    const results = replies.map(({ status, row, title, headers }, i) => ({
      op: ops[i].op,
      rev: ops[i].rev,
      status,
      ...(row && { entities: [{ type: 'rows', id: row.id, version: JSON.stringify(row), data: row }] }),
      ...(title && {
        problem: { title, ...(headers && { retryAfterMs: headers.get('retry-after') * 1000 }) },
      }),
    }));
    return answer({ results });
  };
}

const increment = {
  name: 'increment',
  optimistic: (tx, by) => tx.update(rows, '1', (draft) => void (draft.n += by.increment)),
};
const edit = { name: 'edit', optimistic: (tx, fields) => tx.update(rows, '1', fields) };

function open(line, viaRest) {
  const mutationFn = viaRest && ((change, { idempotencyKey }) => line.write(change, idempotencyKey));
  const own = viaRest ? { mutationFn } : {};
  const mutations = [
    defineMutation({ ...increment, ...own, command: !viaRest }),
    defineMutation({ ...edit, ...own }),
  ];
  const sync = createSyncClient({
    name: 'app',
    collections: [rows],
    mutations,
    transport: httpTransport({ url: '/sync', fetch: protocol(line) }),
  });
  return {
    ready: sync.ready,
    row: () => sync.get(rows, '1'),
    change(change) {
      const { acknowledged, confirmed } = sync.mutate(mutations['increment' in change ? 0 : 1], change);
      for (const promise of [acknowledged, confirmed]) promise?.catch(() => undefined);
    },
    status: () => sync.status.get(),
    close: () => void sync.dispose(),
  };
}

const packages = ['holdfast'];
export default [
  { name: 'Holdfast', packages, used: 'httpTransport', open: (line) => open(line, false) },
  { name: 'Holdfast, own REST API', packages, used: 'mutationFn', open: (line) => open(line, true) },
];
