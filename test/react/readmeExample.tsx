import {
  createSyncClient, defineCollection, defineMutation, httpTransport,
  SyncProvider, useEntities, useOptimisticMutation, useSyncStatus,
} from 'holdfast';

interface Todo { id: string; title: string; done: boolean }

const todos = defineCollection<Todo>({ name: 'todos', key: 'id' });

const renameTodo = defineMutation({
  name: 'renameTodo',
  optimistic: (tx, v: { id: string; title: string }) => tx.update(todos, v.id, { title: v.title }),
});

export const sync = createSyncClient({
  name: 'todo-app', collections: [todos], mutations: [renameTodo], transport: httpTransport({ url: '/sync' }),
});

function Todos() {
  const open = useEntities(todos, { where: { done: false }, orderBy: 'title' });
  const rename = useOptimisticMutation(renameTodo, { onError: (error) => alert(error.message) });
  const { phase, pending } = useSyncStatus();
  return (
    <>
      <p role="status">{pending > 0 ? `${pending} to send (${phase})` : phase}</p>
      {open.map(({ id, title }) => (
        <input key={id} value={title} onChange={(e) => rename.mutate({ id, title: e.target.value })} />
      ))}
    </>
  );
}

export const App = () => <SyncProvider client={sync}><Todos /></SyncProvider>;
