import type { MutationRecord, Token } from '../../src/domain/mutation.js';
import type { Row } from '../../src/domain/entity.js';
import type { StorageReceipt, StorageWrite } from '../../src/engine/ports.js';
import type { AppliedOp } from '../../src/testing/scriptedServer.js';
import { checkCommit } from './checkCommit.js';
import type { Report } from './report.js';
import { createShadow, type Shadow } from './shadow.js';

/** What became of a mutation that was ever stored. */
export interface Fate {
  readonly token: Token;
  readonly record: MutationRecord;
  /** Its position among all that were ever stored. */
  readonly position: number;
  state: 'logged' | 'accepted' | 'refused' | 'cancelled' | 'discarded';
}

/** The versions that an op gave to the rows it wrote, by entity key. */
export type Written = ReadonlyMap<string, number>;

/** What really happened on the one disk and on the server, whatever the clients believe. Checks 1, 2, 3, 6 and 10. */
export interface Truth {
  readonly disk: Shadow;
  readonly fates: ReadonlyMap<Token, Fate>;
  /** A transaction has committed. */
  committed(tab: string, write: StorageWrite, receipt: StorageReceipt): void;
  /** The user wants these back, or no longer wants to see them. */
  readonly cancelAsked: Set<Token>;
  readonly discardAsked: Set<Token>;
  /** A process sends an op; `bytes` are all it says. */
  sent(tab: string, token: Token, key: string, bytes: string): void;
  readonly wasSent: (token: Token) => boolean;
  /** An op took effect on the server. */
  applied(entry: AppliedOp): void;
  /** The server has refused an op for good, and answers every copy of it alike. */
  refused(token: Token, key: string): void;
  readonly effect: (token: Token) => Written | undefined;
  readonly isRefused: (token: Token) => boolean;
  /** What the server had at a version of an entity. */
  readonly history: (key: string, version: number) => { readonly row: Row | undefined } | undefined;
  /** The newest version of an entity that an accepted mutation of this disk made. */
  readonly covered: Map<string, number>;
}

/** Server ops carry tokens too: `fn:` before that of a mutation whose function sent it, `else:` for other devices. */
export const ownToken = (token: Token): Token | undefined =>
  token.startsWith('else:') ? undefined : token.replace(/^fn:/, '');

export function createTruth(report: Report): Truth {
  const disk = createShadow();
  const fates = new Map<Token, Fate>();
  const lanes = new Map<string, Token[]>();
  const effects = new Map<Token, Written>();
  const refusals = new Set<Token>();
  const refusedKeys = new Set<string>();
  const firstBytes = new Map<string, string>();
  const keyOfToken = new Map<Token, string>();
  const histories = new Map<string, Map<number, { readonly row: Row | undefined }>>();

  function logged(record: MutationRecord): void {
    fates.set(record.token, { token: record.token, record, position: fates.size, state: 'logged' });
    for (const lane of record.lanes) lanes.set(lane, [...(lanes.get(lane) ?? []), record.token]);
  }

  const decided = (token: Token): boolean =>
    effects.has(token) || refusals.has(token) || fates.get(token)?.state === 'cancelled';

  function checkOrder({ token, record, position }: Fate): void {
    for (const lane of record.lanes)
      for (const earlier of lanes.get(lane) ?? []) {
        if ((fates.get(earlier)?.position ?? 0) >= position) break;
        if (!decided(earlier))
          report.fail(3, `${token} took effect before ${earlier}, which comes first in lane ${lane}`);
      }
    for (const parent of record.dependsOn)
      if (fates.has(parent) && !decided(parent))
        report.fail(3, `${token} took effect before ${parent}, which it depends on`);
  }

  const truth: Truth = {
    disk,
    fates,
    cancelAsked: new Set(),
    discardAsked: new Set(),
    covered: new Map(),
    committed(tab, write, receipt) {
      for (const record of (write.append ?? []).flat()) logged(record);
      checkCommit(truth, write, report);
      disk.wrote(write, receipt);
      report.note(tab, 'committed', receipt.revision, describeWrite(write));
    },
    sent(tab, token, key, bytes) {
      const fate = fates.get(token);
      if (fate === undefined) report.fail(1, `${token} was sent and never stored`);
      else if (fate.state === 'logged' && ![...disk.seals.values()].flat().some((s) => s.token === token))
        report.fail(10, `${token} was sent without a stored seal`);
      if (fate?.state === 'cancelled') report.fail(10, `${token} was sent after it was cancelled`);
      if ((keyOfToken.get(token) ?? key) !== key)
        report.fail(10, `${token} was sent with key ${key} after ${keyOfToken.get(token) ?? ''}`);
      keyOfToken.set(token, key);
      if ((firstBytes.get(key) ?? bytes) !== bytes)
        report.fail(10, `${tab} sent ${key} as ${bytes} after ${firstBytes.get(key) ?? ''}`);
      firstBytes.set(key, bytes);
    },
    wasSent: (token) => keyOfToken.has(token),
    applied({ token, key: opKey, rows }) {
      for (const { collection, id, row, version } of rows) {
        const key = `${collection}/${id}`;
        const versions = histories.get(key) ?? new Map<number, { readonly row: Row | undefined }>();
        histories.set(key, versions.set(version as number, { row }));
      }
      const own = ownToken(token);
      if (own === undefined) return;
      report.note('server applied', own, rows);
      if (effects.has(own)) report.fail(2, `${own} took effect twice`);
      if (refusedKeys.has(opKey)) report.fail(2, `${own} took effect after the server had refused it`);
      const fate = fates.get(own);
      if (fate === undefined) report.fail(1, `${own} took effect and was never stored`);
      else checkOrder(fate);
      if (fate !== undefined && fate.state !== 'logged')
        report.fail(2, `${own} took effect after it was ${fate.state}`);
      effects.set(
        own,
        new Map(rows.map(({ collection, id, version }) => [`${collection}/${id}`, version as number])),
      );
    },
    refused(token, key) {
      refusedKeys.add(key);
      const own = ownToken(token);
      if (own !== undefined) refusals.add(own);
    },
    effect: (token) => effects.get(token),
    isRefused: (token) => refusals.has(token),
    history: (key, version) => histories.get(key)?.get(version),
  };
  return truth;
}

function describeWrite({ append, put, remove, outcomes, ifRevision }: StorageWrite): object {
  return {
    ...(ifRevision !== undefined && { ifRevision }),
    ...(append && { append: append.flat().map((m) => `${m.token} ${m.name}`) }),
    ...(put?.seals?.length && { seals: put.seals.flatMap((s) => s.sealed.map((one) => one.token)) }),
    ...(put?.rows?.length && { rows: put.rows.map((r) => `${r.key}@${String(r.version)}`) }),
    ...(put?.deadLetters?.length && { dead: put.deadLetters.map((d) => d.token) }),
    ...(put?.meta?.length && { meta: put.meta.map((m) => m.value) }),
    ...(outcomes?.length && { outcomes: outcomes.map((o) => `${o.token} ${o.outcome.kind}`) }),
    ...(remove?.deadLetters?.length && { discarded: remove.deadLetters }),
  };
}
