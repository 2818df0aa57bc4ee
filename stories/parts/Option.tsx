import type { ReactNode } from 'react';

export interface OptionProps {
  readonly group: string;
  readonly who: string;
  readonly checked: boolean;
  readonly onPick: () => void;
  readonly children?: ReactNode;
}

/** One answer to a question, as wide as what it says. */
export function Option({ group, who, checked, onPick, children }: OptionProps): ReactNode {
  return (
    <label className="option">
      <input type="radio" name={group} checked={checked} onChange={onPick} />
      <span className="option-who">{who}</span>
      <span className="option-value">{children}</span>
    </label>
  );
}
