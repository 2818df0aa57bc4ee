import type { ReactNode } from 'react';

export interface MastheadProps {
  readonly title: string;
  /** What to try. */
  readonly children: ReactNode;
  /** Forgets all that was done here. Absent: it cannot be. */
  readonly startOver?: (() => void) | undefined;
  /** Below the text. */
  readonly below?: ReactNode;
}

/** What a demo is called, and what to try in it. */
export function Masthead({ title, children, startOver, below }: MastheadProps): ReactNode {
  return (
    <header className="masthead">
      <div className="masthead-text">
        <h1>{title}</h1>
        <p>
          <strong>Try it:</strong> {children}
        </p>
        {startOver !== undefined && (
          <button type="button" className="button masthead-button" onClick={startOver}>
            Start over
          </button>
        )}
      </div>
      {below}
    </header>
  );
}
