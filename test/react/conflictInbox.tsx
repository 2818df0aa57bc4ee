import { useConflicts, useSyncClient } from 'holdfast';

export function Inbox() {
  const sync = useSyncClient();
  return useConflicts({ collection: 'todos' }).map(({ id, rows }) => (
    <section key={id} aria-label="Conflict">
      {rows.map(({ id: row, mine, theirs, diff }) => (
        <ul key={row}>
          {mine === undefined && <li>You have deleted it.</li>}
          {theirs === undefined && <li>Somebody else has deleted it.</li>}
          {diff
            .filter(({ contested }) => contested)
            .map(({ field, base, mine, theirs }) => (
              <li key={field}>
                {field} was {String(base)}, mine: {String(mine)}, theirs: {String(theirs)}
              </li>
            ))}
        </ul>
      ))}
      <button onClick={() => sync.resolve(id, 'mine')}>Keep mine</button>
      <button onClick={() => sync.resolve(id, 'theirs')}>Keep theirs</button>
    </section>
  ));
}
