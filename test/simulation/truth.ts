import type { Row } from '../../src/domain/entity.js';
import { idempotencyKey, type MutationRecord, type Sealed, type Token } from '../../src/domain/mutation.js';
import type { StorageReceipt, StorageWrite } from '../../src/engine/ports.js';
import type { AppliedOp } from '../../src/testing/scriptedServer.js';
import { checkApplied } from './checkApplied.js';
import { checkCommit } from './checkCommit.js';
import type { Plan } from './plan.js';
import type { Report } from './report.js';
import { createShadow, type Shadow } from './shadow.js';

/** What became of a mutation that was ever stored. */
export interface Fate {
  readonly token: Token;
  record: MutationRecord;
  /** Its position among all that were ever stored, or let in again. */
  position: number;
  state: 'logged' | 'held' | 'accepted' | 'annulled' | 'refused' | 'cancelled' | 'discarded';
  /** What it is sealed under now. */
  key: string | undefined;
  /** How often the user has tried it again. */
  tries: number;
}

/** What was stored as sent under one key. */
export interface Envelope {
  readonly key: string;
  readonly sealed: Sealed;
  readonly members: readonly MutationRecord[];
}

/** The versions that an op gave to the rows it wrote, by entity key. */
export type Written = ReadonlyMap<string, number>;

/** What comes before a mutation, why, and whether it waited for the user already. */
type Ahead = ReadonlyMap<Token, { readonly why: string; readonly held: boolean }>;

/** What an entity was at one version, and what was written with it. */
interface Version {
  readonly row: Row | undefined;
  readonly written: Written;
}

/** What really happened on one disk and on the server, whatever the clients believe. Checks 1, 2, 3, 6 and 10. */
export interface Truth {
  readonly plan: Plan;
  readonly disk: Shadow;
  readonly fates: ReadonlyMap<Token, Fate>;
  readonly envelopes: Map<string, Envelope>;
  /** Whether a mutation of this device is sent under a token. */
  owns(token: Token): boolean;
  /** A transaction has committed. */
  committed(tab: string, write: StorageWrite, receipt: StorageReceipt): void;
  /** The user wants these back, no longer wants to see them, or tries them again. */
  readonly cancelAsked: Set<Token>;
  readonly discardAsked: Set<Token>;
  readonly retryAsked: Set<Token>;
  readonly editAsked: Set<Token>;
  /** The user has decided the conflict they wait in (CF4). */
  readonly resolveAsked: Set<Token>;
  /** Refused as a conflict, and confirmed: another had done the same already (CF3). */
  readonly asItIs: Set<Token>;
  /** When each was called, in milliseconds since the epoch by the server's clock. */
  readonly calledAt: Map<Token, number>;
  /** Keys that were given up: the server may have done, or do, what they stand for (RT6). */
  readonly givenUp: Set<string>;
  /** A process sends an op; `bytes` are all it says. */
  sent(tab: string, token: Token, key: string, bytes: string): void;
  /** How often a key was sent. */
  readonly sends: (key: string) => number;
  /** An op took effect on the server. */
  applied(entry: AppliedOp): void;
  /**
   * The server has refused an op for good, and answers every copy of it alike.
   * @param met because of another's write: it may go again, under another key
   */
  refused(key: string, met: boolean): void;
  readonly isRefused: (key: string | undefined) => boolean;
  /** What a key did. */
  readonly effect: (key: string | undefined) => Written | undefined;
  /** What a mutation did, under whatever key; those that were given up do not count when `certain`. */
  readonly effectOf: (token: Token, certain?: boolean) => Written | undefined;
  /** The server has given rows of ours other ids, by the id they had first. */
  named(from: string, to: string, key: string): void;
  readonly names: ReadonlyMap<string, { readonly to: string; readonly key: string }>;
  /** What the server had at a version of an entity. */
  readonly history: (key: string, version: number) => { readonly row: Row | undefined } | undefined;
  /** What one op wrote along with a version of an entity, that version included. */
  readonly writtenWith: (key: string, version: number) => Written;
  /** The newest version of an entity that an accepted mutation of this disk made. */
  readonly covered: Map<string, number>;
  /** Wall clock. */
  readonly now: () => number;
}

/** Server ops carry tokens too: `fn:` before that of a mutation whose function sent it, `else:` for what no client sent. */
const plain = (name: string): string => name.replace(/^fn:/, '');

/** @param letters of its tabs: their tokens begin with them */
export function createTruth(report: Report, plan: Plan, now: () => number, letters: string): Truth {
  const disk = createShadow();
  const fates = new Map<Token, Fate>();
  const keysOf = new Map<Token, Set<string>>();
  const effects = new Map<string, Written>();
  const refusals = new Set<string>();
  /** Refused keys whose mutations may go again. */
  const again = new Set<string>();
  const firstBytes = new Map<string, string>();
  /**
   * What came before each when it was first sent. Nothing can be done about what comes to stand before it later: two rows
   * of which the server says that they are one (ID1).
   */
  const aheads = new Map<string, ReadonlyMap<Token, Ahead>>();
  const sends = new Map<string, number>();
  const names = new Map<string, { to: string; key: string }>();
  const histories = new Map<string, Map<number, Version>>();
  let positions = 0;

  /** Lets new mutations in, and old ones again. */
  function enter(record: MutationRecord): void {
    const { token } = record;
    const former = fates.get(token);
    if (former === undefined) {
      fates.set(token, { token, record, position: positions++, state: 'logged', key: undefined, tries: 0 });
      return;
    }
    if (former.state !== 'refused') report.fail(1, `${token} was stored again while it was ${former.state}`);
    Object.assign(former, { record, position: positions++, state: 'logged', key: undefined });
    former.tries++;
  }

  const isRefusedForGood = (token: Token): boolean =>
    [...(keysOf.get(token) ?? [])].some((key) => refusals.has(key) && !again.has(key));

  const decided = ({ token, state, key }: Fate): boolean =>
    (state !== 'logged' && state !== 'held') ||
    truth.effect(key) !== undefined ||
    (refusals.has(key ?? '') && !again.has(key ?? '')) ||
    truth.effectOf(token) !== undefined;

  /** What comes before it, and why. */
  function before({ record, position }: Fate): Ahead {
    const ahead = new Map<Token, { why: string; held: boolean }>();
    for (const earlier of fates.values()) {
      if (earlier.position >= position) continue;
      const lane = record.lanes.find((one) => earlier.record.lanes.includes(one));
      const held = earlier.state === 'held';
      if (lane !== undefined) ahead.set(earlier.token, { why: `comes first in lane ${lane}`, held });
      else if (record.dependsOn.includes(earlier.token))
        ahead.set(earlier.token, { why: 'it depends on', held });
    }
    return ahead;
  }

  /** All that came before it when it was first sent, and still does, is decided. */
  function checkOrder({ token, position }: Fate, ahead: Ahead, together: ReadonlySet<Token>): void {
    for (const [other, { why, held }] of ahead) {
      const earlier = fates.get(other);
      if (earlier === undefined || earlier.position >= position || together.has(other)) continue;
      report.stake(3);
      // Another tab may have stored the refusal while both were on their way.
      const isRefused = !held && earlier.state === 'held' && isRefusedForGood(other);
      if (!isRefused && !decided(earlier))
        report.fail(3, `${token} took effect before ${other}, which ${why}`);
    }
  }

  const truth: Truth = {
    plan,
    disk,
    fates,
    envelopes: new Map(),
    cancelAsked: new Set(),
    discardAsked: new Set(),
    retryAsked: new Set(),
    editAsked: new Set(),
    resolveAsked: new Set(),
    asItIs: new Set(),
    calledAt: new Map(),
    givenUp: new Set(),
    covered: new Map(),
    names,
    now,
    owns: (token) => letters.includes(plain(token).charAt(0)),
    committed(tab, write, receipt) {
      report.note(tab, 'committed', receipt.revision, describeWrite(write));
      for (const record of (write.append ?? []).flat()) enter(record);
      checkCommit(truth, write, report);
      disk.wrote(write, receipt);
      for (const { key, sealed, members } of truth.envelopes.values())
        for (const token of sealed.members ?? [sealed.token])
          if (members.some((m) => m.token === token))
            keysOf.set(token, (keysOf.get(token) ?? new Set()).add(key));
    },
    sent(tab, token, key, bytes) {
      const envelope = truth.envelopes.get(key);
      if (!truth.owns(token)) report.fail(11, `${tab} sent ${key}, which is of another device`);
      if (firstBytes.has(key)) report.stake(10);
      if (envelope === undefined)
        report.fail(fates.has(token) ? 10 : 1, `${key} was sent without a stored seal`);
      for (const { token: member } of envelope?.members ?? []) {
        const state = fates.get(member)?.state;
        if ((state === 'cancelled' || state === 'annulled') && !refusals.has(key) && !truth.givenUp.has(key))
          report.fail(10, `${member} was sent as ${key} after it was ${state}`);
      }
      if ((firstBytes.get(key) ?? bytes) !== bytes)
        report.fail(10, `${tab} sent ${key} as ${bytes} after ${firstBytes.get(key) ?? ''}`);
      firstBytes.set(key, bytes);
      if (!aheads.has(key)) {
        const members = (envelope?.members ?? []).flatMap((member) => fates.get(member.token) ?? []);
        aheads.set(key, new Map(members.map((fate) => [fate.token, before(fate)])));
      }
      sends.set(key, (sends.get(key) ?? 0) + 1);
      // What is sent again was frozen before; nothing comes any more of what was refused or given up.
      const isOld = truth.sends(key) > 1 || refusals.has(key) || truth.givenUp.has(key);
      for (const [from, { to, key: named }] of isOld ? [] : names)
        if (key !== named && !truth.givenUp.has(named) && bytes.includes(`"${from}"`))
          report.fail(3, `${key} says ${from}, which the server has called ${to}: ${bytes}`);
    },
    sends: (key) => sends.get(key) ?? 0,
    applied({ token, key: opKey, rows }) {
      const isOurs = truth.owns(token);
      const key = plain(opKey);
      const envelope = isOurs ? truth.envelopes.get(key) : undefined;
      if (envelope !== undefined) checkApplied(truth, envelope, rows, report);
      const written: Written = new Map(
        rows.map(({ collection, id, version }) => [`${collection}/${id}`, version as number]),
      );
      for (const { collection, id, row, version } of rows) {
        const entity = `${collection}/${id}`;
        const versions = histories.get(entity) ?? new Map<number, Version>();
        histories.set(entity, versions.set(version as number, { row, written }));
      }
      if (!isOurs) return;
      report.note('server applied', key, rows);
      report.stake(2);
      if (effects.has(key)) report.fail(2, `${key} took effect twice`);
      if (refusals.has(key)) report.fail(2, `${key} took effect after the server had refused it`);
      if (envelope === undefined) report.fail(1, `${key} took effect and was never stored`);
      const members = (envelope?.members ?? []).map((m) => m.token);
      for (const member of members) {
        const fate = fates.get(member);
        if (fate === undefined) continue;
        for (const other of keysOf.get(member) ?? [])
          if (other !== key && effects.has(other) && !truth.givenUp.has(other) && !truth.givenUp.has(key))
            report.fail(2, `${member} took effect as ${key}, and before as ${other}`);
        if (truth.givenUp.has(key)) continue; // nobody waits for it any more
        checkOrder(fate, aheads.get(key)?.get(member) ?? new Map(), new Set(members));
        if (fate.state !== 'logged') report.fail(2, `${member} took effect after it was ${fate.state}`);
      }
      effects.set(key, written);
    },
    refused(sent, met) {
      const key = plain(sent);
      refusals.add(key);
      // A refused merge is split: its members go again.
      if (met || truth.envelopes.get(key)?.sealed.members !== undefined) again.add(key);
    },
    isRefused: (key) => key !== undefined && refusals.has(key),
    effect: (key) => (key === undefined ? undefined : effects.get(key)),
    effectOf(token, certain = false) {
      if (truth.asItIs.has(token)) return new Map();
      // The newest first: an edited retry has another key than the merge that it was given up in.
      for (const key of [...(keysOf.get(token) ?? [])].reverse()) {
        const effect = effects.get(key);
        if (effect !== undefined && !(certain && truth.givenUp.has(key))) return effect;
      }
      return undefined;
    },
    named: (from, to, key) => void names.set(from, { to, key: plain(key) }),
    history: (key, version) => histories.get(key)?.get(version),
    writtenWith: (key, version) => histories.get(key)?.get(version)?.written ?? new Map<string, number>(),
  };
  return truth;
}

export const keyOfSealed = (sealed: Sealed): string => idempotencyKey(sealed);

function describeWrite({ append, put, remove, outcomes, ifRevision }: StorageWrite): object {
  const named = ({ token, rev, members }: Sealed): string =>
    members === undefined ? `${token}.${rev}` : `${token}.${rev} of ${members.join('+')}`;
  return {
    ...(ifRevision !== undefined && { ifRevision }),
    ...(append && { append: append.flat().map((m) => `${m.token}.${m.rev} ${m.name}`) }),
    ...(put?.log?.length && {
      log: put.log.map((l) => `${l.seq}: ${l.mutations.map(idempotencyKey).join(' ')}`),
    }),
    ...(put?.seals?.length && { seals: put.seals.flatMap((s) => s.sealed.map(named)) }),
    ...(put?.rows?.length && { rows: put.rows.map((r) => `${r.key}@${String(r.version)}`) }),
    ...(put?.deadLetters?.length && {
      dead: put.deadLetters.map(
        (d) => `${d.token} ${d.error.code}${d.held ? ' held' : ''}${d.sealed ? ' given up' : ''}`,
      ),
    }),
    ...(put?.meta?.length && { meta: put.meta.map((m) => m.value) }),
    ...(outcomes?.length && { outcomes: outcomes.map((o) => `${o.tokens.join(' ')} ${o.outcome.kind}`) }),
    ...(remove?.seals?.length && { unsealed: remove.seals }),
    ...(remove?.deadLetters?.length && { noLetters: remove.deadLetters }),
  };
}
