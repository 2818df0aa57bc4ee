// Replicache: mutators with `tx.set`, rows under a prefix (https://doc.replicache.dev/tutorial/adding-mutators), a pusher
// and a puller for the backend (https://doc.replicache.dev/api/#replicacheoptions), a poke after a push
// (https://doc.replicache.dev/byob/poke), and in React a subscription to a scan (https://doc.replicache.dev/byob/render-ui).
import { createElement, useEffect, useMemo, useState } from 'react';
import { Replicache } from 'replicache';
import { byNumber, until, watchStorage } from './waiting.mjs';

const PREFIX = 'task/';
const ok = { httpStatusCode: 200, errorMessage: '' };
const down = { httpStatusCode: 503, errorMessage: 'offline' };

export default {
  id: 'replicache',
  async open({ name, server, restart }) {
    let online = !restart;
    let version = 0;
    let pulledAll = false;
    let touched = new Map();
    const lastIds = {};
    const rep = new Replicache({
      name,
      logSinks: [],
      pushDelay: 0,
      pullInterval: null,
      requestOptions: { maxDelayMs: 60_000 },
      mutators: {
        async updateTask(tx, { id, fields }) {
          const row = await tx.get(PREFIX + id);
          await tx.set(PREFIX + id, { ...row, ...fields });
        },
      },
      async pusher({ mutations }) {
        if (!online) return { httpRequestInfo: down };
        const rows = await server.write(mutations.map(({ args }) => args));
        mutations.forEach(({ clientID, id, args }, n) => {
          lastIds[clientID] = id; // a mutation that is refused is done with, too
          if (rows[n] !== undefined) touched.set(args.id, rows[n]);
        });
        version++;
        return { httpRequestInfo: ok };
      },
      async puller() {
        if (!online) return { httpRequestInfo: down };
        const changed = pulledAll ? [...touched.values()] : await server.list();
        pulledAll = true;
        touched = new Map();
        return {
          httpRequestInfo: ok,
          response: {
            cookie: ++version,
            lastMutationIDChanges: { ...lastIds },
            patch: changed.map((value) => ({ op: 'put', key: PREFIX + value.id, value })),
          },
        };
      },
    });
    const all = () => rep.query((tx) => tx.scan({ prefix: PREFIX }).values().toArray());
    if (!restart) await rep.pull({ now: true });
    if (!restart) await until(async () => (await all()).length > 0);
    online = false;
    const watched = watchStorage(name);
    return {
      edit(id, fields) {
        watched.edited(id, fields);
        return rep.mutate.updateTask({ id, fields });
      },
      read: (id) => rep.query((tx) => tx.get(PREFIX + id)),
      all: async () => [...(await all())].sort(byNumber),
      stored: watched.stored,
      async drain() {
        online = true;
        await until(async () => {
          await rep.push({ now: true }).catch(() => undefined);
          await rep.pull({ now: true }).catch(() => undefined);
          return (await rep.experimentalPendingMutations()).length === 0;
        }, 0);
      },
      watch: (id, listener) => rep.subscribe((tx) => tx.get(PREFIX + id), listener),
      list: (Row) => createElement(List, { rep, Row }),
      close: () => rep.close(),
    };
  },
};

function List({ rep, Row }) {
  const [rows, setRows] = useState([]);
  useEffect(() => rep.subscribe((tx) => tx.scan({ prefix: PREFIX }).values().toArray(), setRows), [rep]);
  return useMemo(() => rows.map((task) => createElement(Row, { key: task.id, task })), [rows, Row]);
}
