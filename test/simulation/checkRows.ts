import type { FullRead } from '../../src/domain/fullRead.js';
import type { Token } from '../../src/domain/mutation.js';
import type { StorageWrite, StoredRow } from '../../src/engine/ports.js';
import { isCall, type Counting } from './model.js';
import { isSame } from './refold.js';
import type { Report } from './report.js';
import type { Truth } from './truth.js';

/** The base never goes back, holds what the server had, and covers what was accepted (invariants 5 and 6). */
export function checkRows(
  truth: Truth,
  write: StorageWrite,
  leaving: ReadonlySet<Token>,
  report: Report,
): void {
  const accepted = [...leaving].map((token) => truth.fates.get(token)).filter((f) => f?.state === 'accepted');
  /** Entities whose row may be covered by a mutation that was answered without rows: the server has told none since it was sealed. */
  const covering = new Set(
    accepted.flatMap((f) => {
      const key = isCall(f?.record.name) ? `todos/${(f?.record.variables as Counting).id}` : undefined;
      const versions = truth.envelopes.get(f?.key ?? '')?.sealed.versions;
      return key === undefined || versions?.[0] !== truth.disk.rows.get(key)?.version ? [] : [key];
    }),
  );
  for (const row of write.put?.rows ?? []) checkRow(truth, row, covering.has(row.key), report);
  checkGroups(truth, write, report);
  for (const fate of accepted)
    // Known limit: what was answered without rows may fall back while older pages still come (RD2).
    if (!isCall(fate?.record.name))
      for (const [key, version] of truth.effect(fate?.key) ?? [])
        truth.covered.set(key, Math.max(version, truth.covered.get(key) ?? 0));
}

/**
 * The feed brings as one what was written as one (invariant 13). A full read that is under way meets rows one by one, and
 * what is shown with a conflict is one row.
 */
function checkGroups({ disk, writtenWith, history }: Truth, { put }: StorageWrite, report: Report): void {
  const rows = new Map((put?.rows ?? []).map((row) => [row.key, row]));
  /** Deleted since, and taken out by a full read, which does not say at which version. */
  const isGone = (key: string, least: number): boolean => {
    if ((rows.get(key) ?? disk.rows.get(key))?.row !== undefined) return false;
    for (let version = least + 1; ; version++) {
      const later = history(key, version);
      if (later === undefined || later.row === undefined) return later !== undefined;
    }
  };
  const meta = new Map((put?.meta ?? []).map(({ key, value }) => [key, value]));
  const read = (meta.get('read') ?? disk.meta.get('read')) as FullRead | undefined;
  if (!meta.has('cursor') || read?.stage !== 'done') return;
  for (const [key, { version }] of rows)
    for (const [other, least] of typeof version === 'number' ? writtenWith(key, version) : []) {
      if (other === key) continue;
      report.stake(13);
      const is = (rows.get(other) ?? disk.rows.get(other))?.version;
      if (!(typeof is === 'number' && is >= least) && !isGone(other, least))
        report.fail(
          13,
          `${key} came as version ${String(version)} without ${other} version ${least}, but ${String(is)}`,
        );
    }
}

function checkRow(
  truth: Truth,
  { key, row, version, seen }: StoredRow,
  covering: boolean,
  report: Report,
): void {
  const stored = truth.disk.rows.get(key);
  const former = stored?.version;
  if (typeof former === 'number') report.stake(6);
  if (typeof former === 'number' && !(typeof version === 'number' && version >= former))
    report.fail(6, `the base of ${key} went from version ${former} to ${String(version)}`);
  if (typeof version !== 'number' || covering) return;
  if (version === 0 && row === undefined) return; // there never was one
  if (stored !== undefined && former === version && isSame(stored.row, row)) return; // met again
  if (row === undefined && seen !== undefined && wasDeleted(truth, key, version)) return; // a full read found it forgotten
  const known = truth.history(key, version);
  if (known === undefined) report.fail(6, `the base of ${key} has version ${version}, which never was`);
  else if (!isSame(known.row, row))
    report.fail(6, `the base of ${key} is not what the server had at version ${version}`);
  if (version !== former && version < (truth.covered.get(key) ?? 0))
    report.fail(
      5,
      `the base of ${key} got version ${version} after a mutation that made version ${truth.covered.get(key) ?? 0} was confirmed`,
    );
}

/** The server has deleted the row after `version`. */
function wasDeleted(truth: Truth, key: string, version: number): boolean {
  for (let next = version + 1; ; next++) {
    const known = truth.history(key, next);
    if (known === undefined) return false;
    if (known.row === undefined) return true;
  }
}
