import type { SyncStorage } from '../engine/ports.js';
import {
  codeOf,
  empty,
  rejection,
  tokens,
  type ContractTools,
  type Section,
  type StorageFactory,
} from './storageContractKit.js';
import { readContract } from './storageContractReads.js';
import { writeContract } from './storageContractWrites.js';
import { mutation, row } from './storageSamples.js';

export type { ContractTools, StorageFactory } from './storageContractKit.js';

/**
 * The contract of `SyncStorage` as tests. A storage of your own that passes keeps what the outbox promises.
 * Each test uses a namespace of its own and destroys it.
 *
 * @example
 * import { describe, expect, test } from 'vitest';
 * runStorageContract('my storage', () => myStorage(), { describe, test, expect });
 */
export function runStorageContract(name: string, factory: StorageFactory, tools: ContractTools): void {
  const { describe, expect } = tools;
  const test: Parameters<Section>[0]['test'] = (title, body, timeoutMs) =>
    tools.test(title, () => inNamespace(factory, body), timeoutMs);
  describe(`storage contract: ${name}`, () => {
    for (const section of [writeContract, readContract, lifeContract]) section({ test, expect, factory });
  });
}

/** From opening to destruction. */
const lifeContract: Section = ({ test, expect, factory }) => {
  test('LF1 namespaces share nothing', async (tab) => {
    const storage = await tab();
    await storage.write({ append: [[mutation('a')]] });
    const other = factory();
    await other.open(crypto.randomUUID());
    expect(await other.load()).toEqual(empty(0));
    await other.destroy();
    expect(tokens(await storage.load())).toEqual(['a']);
  });

  test('destroy deletes everything and closes', async () => {
    const namespace = crypto.randomUUID();
    const storage = factory();
    await storage.open(namespace);
    await storage.write({ append: [[mutation('a')]], put: { rows: [row('t/1', {}, 1)] } });
    await storage.destroy();
    expect(codeOf(await rejection(storage.load()))).toBe('STORAGE');
    const next = factory();
    await next.open(namespace);
    expect(await next.load()).toEqual(empty(0));
    await next.destroy();
  });

  test('OB9 misuse is a STORAGE error: before open, opened twice, after close', async () => {
    const storage = factory();
    const uses = [() => storage.load(), () => storage.write({}), () => storage.destroy()];
    for (const use of uses) expect(codeOf(await rejection(use()))).toBe('STORAGE');
    const namespace = crypto.randomUUID();
    await storage.open(namespace);
    expect(codeOf(await rejection(storage.open(namespace)))).toBe('STORAGE');
    await storage.write({});
    await storage.close();
    await storage.close();
    for (const use of uses) expect(codeOf(await rejection(use()))).toBe('STORAGE');
    await storage.open(namespace);
    expect((await storage.load()).revision).toBe(1);
    await storage.destroy();
  });
};

/** Runs `body` with as many tabs on one fresh namespace as it opens, and cleans up. */
async function inNamespace(
  factory: StorageFactory,
  body: (tab: () => Promise<SyncStorage>) => Promise<void>,
): Promise<void> {
  const namespace = crypto.randomUUID();
  const tabs: SyncStorage[] = [];
  const tab = async () => {
    const storage = factory();
    await storage.open(namespace);
    tabs.push(storage);
    return storage;
  };
  try {
    await body(tab);
  } finally {
    await Promise.all(tabs.map((storage) => storage.close()));
    await (await tab()).destroy();
  }
}
