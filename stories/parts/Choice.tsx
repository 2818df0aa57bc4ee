import { useId, type ReactNode } from 'react';
import type { FieldDiff } from '../../src/index.js';
import { theirsOf, type Pick, type Question, type Side } from '../inspection/decide.js';
import { editableField } from '../inspection/editableFields.js';
import { fieldLabel, fieldText } from '../inspection/fieldText.js';
import { Icon } from './Icon.js';
import { Option } from './Option.js';
import { OwnValue } from './OwnValue.js';

function Value({ value }: { readonly value: unknown }): ReactNode {
  return fieldText(value) ?? <i>empty</i>;
}

/** What a side has made of a row that the other has deleted. */
function Edits({
  diff,
  side,
}: {
  readonly diff: readonly FieldDiff[];
  readonly side: 'mine' | 'theirs';
}): ReactNode {
  const edited = diff.filter((field) => JSON.stringify(field[side]) !== JSON.stringify(field.base));
  return edited.map((field) => (
    <span className="option-edit" key={field.field}>
      {fieldLabel(field.field)}: <Value value={field[side]} />
    </span>
  ));
}

export interface ChoiceProps {
  readonly question: Question;
  readonly pick: Pick | undefined;
  readonly onPick: (pick: Pick) => void;
  /** It has no answer, and the user has tried to go on without. */
  readonly missed: boolean;
}

/** What both have changed, or one has deleted: what it was, what each side made of it, and what is to stay. */
export function Choice({ question, pick, onPick, missed }: ChoiceProps): ReactNode {
  const group = useId();
  const { row, field } = question;
  const take = (side: Side, own?: string): void =>
    onPick({ side, theirs: theirsOf(question), ...(own !== undefined && { own }) });
  const option = (side: 'mine' | 'theirs', who: string, says: ReactNode): ReactNode => (
    <Option group={group} who={who} checked={pick?.side === side} onPick={() => take(side)}>
      {says}
    </Option>
  );
  const label = field === undefined ? '' : fieldLabel(field.field);
  const kind = field && editableField(field.field);
  return (
    <fieldset className="choice" data-missed={missed}>
      <legend>
        {field === undefined ? (
          <>
            <Icon name="flag" />
            <strong>{row.theirs === undefined ? 'They have deleted it' : 'You have deleted it'}</strong>
          </>
        ) : (
          <>
            <Icon name="flag" />
            <strong>{label}</strong> was <Value value={field.base} />
          </>
        )}
      </legend>
      <div className="options">
        {field === undefined ? (
          <>
            {option('mine', ...whole(row.mine === undefined, 'mine', row.diff))}
            {option('theirs', ...whole(row.theirs === undefined, 'theirs', row.diff))}
          </>
        ) : (
          <>
            {option('mine', 'Mine', <Value value={field.mine} />)}
            {option('theirs', 'Theirs', <Value value={field.theirs} />)}
          </>
        )}
        {field !== undefined && kind !== undefined && (
          <OwnValue
            group={group}
            label={label}
            kind={kind}
            value={pick?.side === 'own' ? pick.own : undefined}
            onPick={(own = typeof field.mine === 'string' ? field.mine : '') => take('own', own)}
          />
        )}
      </div>
    </fieldset>
  );
}

const WHOLE = {
  mine: { gone: 'Mine: delete it', here: 'Mine: bring it back' },
  theirs: { gone: 'Theirs: leave it deleted', here: 'Theirs: keep it' },
};

function whole(gone: boolean, side: 'mine' | 'theirs', diff: readonly FieldDiff[]): [string, ReactNode] {
  return gone ? [WHOLE[side].gone, ''] : [WHOLE[side].here, <Edits key="edits" diff={diff} side={side} />];
}
