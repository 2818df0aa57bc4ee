import { describe, expect, test } from 'vitest';
import {
  deriveEntityStatus,
  deriveStatus,
  type Standing,
  type StatusFacts,
  type SyncPhase,
} from '../../src/domain/status.js';

const calm: StatusFacts = {
  ready: true,
  paused: false,
  online: true,
  leader: true,
  durable: true,
  needsAuth: false,
  breaker: { state: 'closed' },
  pending: 0,
  sending: 0,
  held: 0,
  conflicts: 0,
  failed: 0,
  needsAttention: 0,
  lastSyncedAt: undefined,
  progress: undefined,
};

describe('OS1 phase', () => {
  // Each row adds one fact to those before it, and takes precedence over them.
  const facts: [SyncPhase, Partial<StatusFacts>][] = [
    ['synced', { failed: 1 }],
    ['needsAttention', { conflicts: 1 }],
    ['needsAttention', { needsAttention: 1 }],
    ['pending', { pending: 2 }],
    ['waiting', { held: 1 }],
    ['sending', { sending: 1 }],
    ['offline', { online: false }],
    ['needsAuth', { needsAuth: true }],
    ['paused', { paused: true }],
    ['starting', { ready: false }],
  ];
  test.each(
    facts.map(
      ([phase], i) =>
        [
          phase,
          Object.assign({}, calm, ...facts.slice(0, i + 1).map(([, fact]) => fact)) as StatusFacts,
        ] as const,
    ),
  )('%s', (phase, given) => expect(deriveStatus(given).phase).toBe(phase));

  test('the facts are passed on as they are, and what is internal is not', () => {
    const { ready, paused, ...told } = calm;
    expect([ready, paused]).toEqual([true, false]);
    expect(deriveStatus(calm)).toEqual({ phase: 'synced', ...told });
  });
});

test.each<[string, readonly Standing[], boolean, string]>([
  ['synced', [], false, 'nothing pending'],
  ['failed', ['needsAttention'], true, 'only a dead letter'],
  ['pending', ['pending'], true, 'a newer mutation'],
  ['held', ['pending', 'held'], false, 'one that waits'],
  ['sending', ['held', 'sending'], true, 'one in flight'],
  ['conflict', ['held', 'conflict'], true, 'a conflict that waits for the user, whatever waits behind it'],
])('OS2 %s', (status, standings, failed) =>
  expect(deriveEntityStatus(new Set(standings), failed)).toBe(status),
);
