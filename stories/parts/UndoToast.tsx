import type { CSSProperties, ReactNode } from 'react';
import type { PendingMutationView } from '../../src/index.js';
import { useCountdown } from './useCountdown.js';

export interface UndoToastProps {
  readonly mutation: PendingMutationView;
  readonly now: () => number;
  readonly undo: () => void;
}

/** Says that a message is out of the writer's hands, and for how long it is not. */
export function UndoToast({ mutation: { nextAttemptAt, createdAt }, now, undo }: UndoToastProps): ReactNode {
  const seconds = useCountdown(nextAttemptAt, now);
  if (nextAttemptAt === undefined || seconds === undefined || seconds === 0) return null;
  const whole = Math.ceil((nextAttemptAt - createdAt) / 1000);
  return (
    <div className="toast">
      <span>Sent –</span>
      <button type="button" className="button" onClick={undo}>
        Undo
      </button>
      <span className="toast-left" aria-hidden="true">
        {seconds} s
      </span>
      <span
        className="toast-time"
        aria-hidden="true"
        style={{ '--left': `${(seconds / whole) * 100}%` } as CSSProperties}
      />
    </div>
  );
}
