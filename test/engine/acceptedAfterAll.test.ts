import { expect, test } from 'vitest';
import { defineMutation } from '../../src/domain/definition.js';
import { createDevice, lost, todos } from './testClient.js';
import { settlingsOf } from './wireLog.js';

const add = defineMutation({
  name: 'add',
  onRejected: 'hold',
  optimistic: (tx, row: { id: string; title: string }) => tx.insert(todos, row),
});
const milk = { id: 'a', title: 'milk' };

/** A client that gives up at once; its pushes arrive, and their answers are lost until `answers.come`. */
async function start() {
  const device = createDevice();
  const answers = { come: false };
  const client = device.open({
    mutations: [add],
    retry: { maxAttempts: 1 },
    transport: {
      ...device.server,
      push: async (ops, context) => {
        const replies = await device.server.push(ops, context);
        return answers.come ? replies : ops.map(() => lost);
      },
    },
  });
  await device.settle();
  return { ...device, client, answers, settlings: settlingsOf(client) };
}

test('RT6 RD4 what was given up and shows in the feed after all is no dead letter any more, nor after a reload', async () => {
  const { client, settlings, open, settle } = await start();
  client.insert(todos, milk);
  await settle();
  expect([settlings, client.deadLetters().length, client.get(todos, 'a')]).toEqual([
    ['rejected t1 GIVEN_UP'],
    1,
    undefined,
  ]);
  await client.sync({ direction: 'pull' });
  expect([client.deadLetters(), client.get(todos, 'a'), client.status.get().failed]).toEqual([[], milk, 0]);
  await client.dispose();
  const next = open({ mutations: [add] });
  await settle();
  expect([next.deadLetters(), next.get(todos, 'a')]).toEqual([[], milk]);
});

test('RT6 RT7 one that is held leaves as confirmed, and what waited for it goes', async () => {
  const { client, settlings, settle, answers, server, clock } = await start();
  client.mutate(add, milk);
  await settle();
  answers.come = true;
  client.update(todos, 'a', { done: true });
  await settle();
  expect([settlings, client.pending().map(({ state }) => state)]).toEqual([
    ['needsAttention t1 GIVEN_UP'],
    ['needsAttention', 'queued'],
  ]);
  await client.sync({ direction: 'pull' });
  await clock.advance(1_000);
  expect(settlings.slice(1)).toEqual(['confirmed t1', 'confirmed t2']);
  expect([client.deadLetters(), client.pending(), server.get('todos', 'a')]).toEqual([
    [],
    [],
    { ...milk, done: true },
  ]);
});
