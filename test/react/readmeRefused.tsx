import { useDeadLetters, useSyncClient } from 'holdfast';

export function Refused() {
  const sync = useSyncClient();
  return useDeadLetters({ name: 'renameTodo' }).map(({ token, variables, error }) => {
    const { id, title } = variables as { id: string; title: string };
    const edit = () => {
      const edited = prompt('Title', title);
      if (edited !== null) sync.retry(token, { id, title: edited }); // throws as mutate does; then it stays
    };
    return (
      <p key={token} role="alert">
        “{title}”: {error.message}
        <button onClick={edit}>Edit and retry</button>
        <button onClick={() => void sync.discard(token)}>Discard</button>
      </p>
    );
  });
}
