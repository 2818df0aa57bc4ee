import { afterEach, describe, expect, test, vi } from 'vitest';
import { defineMutation } from '../../src/domain/definition.js';
import type { SyncClient } from '../../src/engine/client.js';
import { PendingMutation } from '../../src/engine/pendingMutation.js';
import { accepted, createDevice, heldTransport, lost, refused, startClient, todos } from './testClient.js';

const rename = defineMutation({
  name: 'rename',
  onRejected: 'hold',
  optimistic: (tx, { id, title }: { id: string; title: string }) => tx.update(todos, id, { title }),
});

function countsOf(client: SyncClient): string {
  const { pending, sending, held, failed, needsAttention } = client.status.get();
  return `${pending} pending, ${sending} sending, ${held} held, ${failed} failed, ${needsAttention} shown`;
}

describe('OS1 status counts what is pending by how it stands', () => {
  afterEach(() => vi.restoreAllMocks());

  test('from the call to the end, and in the next session', async () => {
    const device = createDevice();
    device.server.put('todos', 'a', { id: 'a', title: 'a' });
    const line = heldTransport(device.server, device.clock);
    const transport = { ...line, pull: device.server.pull.bind(device.server) };
    const client = device.open({ transport, mutations: [rename] });
    await device.settle();
    const log: string[] = [];
    const look = (what: string): void => void log.push(`${what}: ${countsOf(client)}`);
    client.mutate(rename, { id: 'a', title: 'A' });
    client.insert(todos, { id: 'b', title: 'b' });
    look('called');
    await device.settle();
    look('sent');
    await line.pushes[0]?.answer(lost, lost);
    look('failed');
    await device.clock.advance(1_000);
    look('sent again');
    await line.pushes[1]?.answer(refused, accepted);
    look('answered');
    client.mutate(rename, { id: 'a', title: 'AA' });
    client.insert(todos, { id: 'c', title: 'c' });
    await device.settle();
    look('more');
    await client.discard('t1');
    look('discarded');
    await client.dispose();
    const next = device.open({ transport: heldTransport(device.server, device.clock) });
    await device.settle();
    log.push(`without the definition: ${countsOf(next)}`);
    expect(log).toEqual([
      'called: 2 pending, 0 sending, 0 held, 0 failed, 0 shown',
      'sent: 2 pending, 2 sending, 0 held, 0 failed, 0 shown',
      'failed: 2 pending, 0 sending, 2 held, 0 failed, 0 shown',
      'sent again: 2 pending, 2 sending, 0 held, 0 failed, 0 shown',
      'answered: 0 pending, 0 sending, 0 held, 1 failed, 1 shown',
      'more: 2 pending, 1 sending, 0 held, 1 failed, 1 shown',
      'discarded: 2 pending, 1 sending, 0 held, 0 failed, 0 shown',
      'without the definition: 2 pending, 1 sending, 1 held, 0 failed, 0 shown',
    ]);
  });

  test('ST7 without a look at any of them', async () => {
    const { client, settle } = await startClient();
    client.pause();
    for (let i = 0; i < 1_000; i++) client.insert(todos, { id: `${i}`, title: '' });
    await settle();
    const looks = [
      vi.spyOn(PendingMutation.prototype, 'standing', 'get'),
      vi.spyOn(PendingMutation.prototype, 'phase', 'get'),
      vi.spyOn(PendingMutation.prototype, 'sending', 'get'),
    ];
    expect(client.status.get().pending).toBe(1_000);
    expect(looks.map((look) => look.mock.calls.length)).toEqual([0, 0, 0]);
  });
});
