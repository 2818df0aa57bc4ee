import type { ReactNode } from 'react';

export interface FrontChoiceProps<F extends string> {
  readonly label: string;
  readonly sides: readonly { readonly side: F; readonly text: string }[];
  readonly front: F;
  readonly choose: (side: F) => void;
}

/** What is shown on a screen that has room for one. */
export function FrontChoice<F extends string>({
  label,
  sides,
  front,
  choose,
}: FrontChoiceProps<F>): ReactNode {
  return (
    <div className="device-choice" role="group" aria-label={label}>
      {sides.map(({ side, text }) => (
        <button key={side} type="button" aria-pressed={front === side} onClick={() => choose(side)}>
          {text}
        </button>
      ))}
    </div>
  );
}
