import { depart, type DepartOptions } from './depart.js';
import type { Departure } from './departures.js';
import { ownTask } from './ownTask.js';
import type { Clock, StorageReceipt } from './ports.js';
import { planSeal, type Freeze, type Group, type Op, type Sealing } from './seal.js';
import { settleAndSeal, settling, type Decision, type Settling } from './settle.js';

/** What waits to be sealed and what waits to be settled is one write (decision 0039). */
export interface JointWrite {
  /**
   * Freezes those groups that are still there and not sealed yet, each under one key; resolves to what may be sent now
   * (OB5). What merges to nothing leaves at once (CO1); what `freeze` has no seal for is left as it was.
   */
  seal(groups: readonly Group[], freeze: Freeze): Promise<readonly Op[]>;
  /** Carries out what `decide` says when it comes to it, on mutations that are still there at that rev. */
  settle(decide: () => readonly Decision[]): Promise<void>;
}

export interface JointWriteOptions extends DepartOptions {
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  /** Writes what `plan` says when it comes to it. */
  readonly commit: (
    plan: () => Promise<Departure | undefined>,
    done: (departure: Departure, receipt: StorageReceipt) => void,
  ) => Promise<boolean>;
}

/** Whether anything unsent leaves or changes: its row was named, or what it builds on refused. */
function concernsUnsent({ leaving, rebased }: Settling): boolean {
  return [...leaving.map((l) => l.mutation), ...rebased.keys()].some(({ phase }) => phase.kind === 'queued');
}

interface Part {
  readonly seal?: () => Sealing;
  readonly decide?: () => readonly Decision[];
  resolve(ops: readonly Op[]): void;
  reject(cause: unknown): void;
}

export function createJointWrite(options: JointWriteOptions): JointWrite {
  const { ledger, clock, commit } = options;
  /** Waits for its turn, or is being planned: whatever comes meanwhile joins it. */
  let open: Part[] | undefined;

  async function write(parts: Part[]): Promise<void> {
    const sealings = new Map<Part, Sealing>();
    await commit(
      async () => {
        for (const part of parts) {
          await ownTask(ledger, clock);
          if (part.seal !== undefined) sealings.set(part, part.seal());
          await ownTask(ledger, clock);
        }
        if (open === parts) open = undefined;
        const decisions = parts.flatMap((part) => part.decide?.() ?? []);
        const settled = settling(options, decisions, clock.now());
        // What was to be sealed may be among it: it is chosen again.
        if (settled !== undefined && concernsUnsent(settled)) sealings.clear();
        return settleAndSeal(ledger, settled, [...sealings.values()], clock.now());
      },
      (departure, receipt) => {
        for (const sealing of sealings.values()) markFrozen(sealing);
        depart(options, departure, receipt);
      },
    );
    for (const part of parts) part.resolve(sealings.get(part)?.ops ?? []);
  }

  function markFrozen({ frozen, records: [record] }: Sealing): void {
    for (const { members, sealed } of frozen) {
      const phase = { kind: 'sealed', sealed, sealId: record?.id ?? '' } as const;
      members.forEach((mutation) => (mutation.phase = phase));
    }
  }

  /** What cannot be planned or stored must not take the others with it. */
  async function writeSafely(parts: Part[]): Promise<void> {
    try {
      await write(parts);
    } catch (cause) {
      if (open === parts) open = undefined;
      if (parts.length === 1) parts[0]?.reject(cause);
      else await Promise.all(parts.map((part) => writeSafely([part])));
    }
  }

  function join(part: Pick<Part, 'seal' | 'decide'>): Promise<readonly Op[]> {
    return new Promise((resolve, reject) => {
      const own = { ...part, resolve, reject };
      if (open === undefined) void writeSafely((open = [own]));
      else open.push(own);
    });
  }

  return {
    seal: (groups, freeze) => join({ seal: () => planSeal(ledger, groups, freeze) }),
    async settle(decide) {
      await join({ decide });
    },
  };
}
