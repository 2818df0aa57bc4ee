import type { ReactNode } from 'react';
import { useSyncStatus } from '../../src/index.js';

const NUMBER = new Intl.NumberFormat('en-US');

export interface PullProgressProps {
  /** What is read, in the plural. */
  readonly of: string;
}

/** How much of a longer pull is here. Nothing, when there is none: one page is there before anybody could read it. */
export function PullProgress({ of }: PullProgressProps): ReactNode {
  const progress = useSyncStatus((status) => status.progress);
  if (progress === undefined) return null;
  const { done = progress.rows, total } = progress;
  const text =
    total === undefined ? NUMBER.format(done) : `${NUMBER.format(done)} of ${NUMBER.format(total)}`;
  return (
    <div className="pull">
      <progress aria-label={`Reading ${of}`} value={total === undefined ? undefined : done} max={total} />
      <span className="pull-text">
        {text} {of}
      </span>
    </div>
  );
}
