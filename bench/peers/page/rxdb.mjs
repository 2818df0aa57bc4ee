// RxDB with the Dexie storage (https://rxdb.info/rx-storage-dexie.html), incremental patches for edits that follow each other
// (https://rxdb.info/rx-document.html#incrementalpatch), `useLiveRxQuery` (https://rxdb.info/react.html), and a replication
// that is started when the network is back (https://rxdb.info/replication.html). A live query is observed with `$`, which keeps its
// results by EventReduce (https://rxdb.info/rx-query.html#observe-); `exec` of the same query waits until it
// has them as of the last write.
import { createElement, useMemo } from 'react';
import { createRxDatabase } from 'rxdb/plugins/core';
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie';
import { replicateRxCollection } from 'rxdb/plugins/replication';
import { RxDatabaseProvider, useLiveRxQuery } from 'rxdb/plugins/react';

const schema = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: {
    id: { type: 'string', maxLength: 40 },
    title: { type: 'string' },
    done: { type: 'boolean' },
    position: { type: 'number', minimum: -1, maximum: 1_000_000, multipleOf: 1 },
    assignee: { type: 'string' },
    note: { type: 'string' },
    updatedAt: { type: 'number' },
  },
  required: ['id', 'title', 'done', 'position', 'assignee', 'note', 'updatedAt'],
  indexes: ['position'],
};

export default {
  id: 'rxdb',
  async open({ name, server, restart }) {
    const database = await createRxDatabase({ name, storage: getRxStorageDexie(), multiInstance: true });
    const { tasks } = await database.addCollections({ tasks: { schema } });
    if (!restart) await tasks.bulkInsert(await server.list());
    const writing = new Set();
    const plain = (document) => document?.toJSON();
    return {
      edit(id, fields) {
        const done = tasks
          .findOne(id)
          .exec()
          .then((document) => document.incrementalPatch(fields));
        writing.add(done);
        void done.finally(() => writing.delete(done));
        return done;
      },
      read: async (id) => plain(await tasks.findOne(id).exec()),
      all: async () => (await tasks.find().exec()).map(plain),
      stored: () => Promise.all(writing),
      async drain() {
        const replication = replicateRxCollection({
          collection: tasks,
          replicationIdentifier: name,
          live: false,
          push: {
            batchSize: 100,
            async handler(rows) {
              const changes = rows.map(({ newDocumentState: { id, _deleted, ...fields } }) => ({
                id,
                fields,
              }));
              await server.write(changes);
              return [];
            },
          },
        });
        await replication.awaitInitialReplication();
      },
      watch(id, listener) {
        const subscription = tasks.findOne(id).$.subscribe((document) => listener(plain(document)));
        return () => subscription.unsubscribe();
      },
      list: (Row) => createElement(RxDatabaseProvider, { database }, createElement(List, { Row })),
      live() {
        const query = tasks.find({ selector: { done: false }, sort: [{ position: 'asc' }], limit: 50 });
        let seen = [];
        const subscription = query.$.subscribe((documents) => (seen = documents));
        return {
          async read() {
            await query.exec();
            return seen;
          },
          close: () => subscription.unsubscribe(),
        };
      },
      close: () => database.close(),
    };
  },
};

const all = { selector: {}, sort: [{ position: 'asc' }] };

function List({ Row }) {
  const { results } = useLiveRxQuery({ collection: 'tasks', query: all });
  return useMemo(
    () => results.map((document) => createElement(Row, { key: document.id, task: document })),
    [results, Row],
  );
}
