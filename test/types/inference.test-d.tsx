import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import {
  createSyncClient,
  defineCollection,
  defineMutation,
  insert,
  remove,
  SyncError,
  update,
  useDeadLetters,
  useEntities,
  useEntity,
  useEntityStatus,
  useOptimisticMutation,
  usePendingMutations,
  useSyncClient,
  useSyncStatus,
  type Change,
  type DeadLetterView,
  type EntityStatus,
  type MutationHandle,
  type PendingMutationView,
  type SyncPhase,
  type SyncStatus,
  type Token,
} from '../../src/index.js';

// No generics are spelled at a call site but the row's type, which a collection has to be told; no casts anywhere.

interface Todo {
  id: string;
  title: string;
  done: boolean;
  rank: number;
  tags: string[];
}
interface Saved {
  rev: number;
}

const todos = defineCollection<Todo>({ name: 'todos', key: 'id' });
const renameTodo = defineMutation({
  name: 'renameTodo',
  optimistic: (tx, v: { id: string; title: string }) => {
    expectTypeOf(tx.get(todos, v.id)).toEqualTypeOf<Todo | undefined>();
    tx.update(todos, v.id, (draft) => {
      draft.title = v.title;
      draft.tags.push('renamed');
    });
  },
});
const saveTodo = defineMutation({
  name: 'saveTodo',
  optimistic: (tx, v: { id: string; title: string }) => tx.update(todos, v.id, { title: v.title }),
  mutationFn: async (v, { signal, idempotencyKey, attempt, changes }) => {
    expectTypeOf(v).toEqualTypeOf<{ id: string; title: string }>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    expectTypeOf(idempotencyKey).toEqualTypeOf<string>();
    expectTypeOf(attempt).toEqualTypeOf<number>();
    expectTypeOf(changes).toEqualTypeOf<readonly Change[]>();
    return Promise.resolve<Saved>({ rev: 1 });
  },
});
const clearDone = defineMutation({ name: 'clearDone', optimistic: (tx) => tx.delete(todos, '1') });
const addTodo = defineMutation({
  name: 'addTodo',
  schema: z.object({ title: z.string() }),
  optimistic: (tx, v) => {
    expectTypeOf(v).toEqualTypeOf<{ title: string }>();
    tx.insert(todos, { id: v.title, title: v.title, done: false, rank: 0, tags: [] });
  },
});
const sync = createSyncClient({
  name: 'todo-app',
  collections: [todos],
  mutations: [renameTodo, saveTodo, clearDone, addTodo],
});

describe('definitions', () => {
  test('API a collection’s key is a field of its row, or a function of it', () => {
    // @ts-expect-error -- no such field
    defineCollection<Todo>({ name: 'todos', key: 'nope' });
    defineCollection<Todo>({ name: 'todos', key: (row) => row.title });
    // @ts-expect-error -- an id is a string
    defineCollection<Todo>({ name: 'todos', key: (row) => row.rank });
  });

  test('API a recipe knows its row', () => {
    defineMutation({
      name: 'm',
      optimistic: (tx, id: string) => {
        // @ts-expect-error -- a number
        tx.update(todos, id, { rank: 'high' });
        // @ts-expect-error -- not all fields
        tx.insert(todos, { id });
      },
    });
  });
});

describe('client', () => {
  test('API mutate knows variables and result', () => {
    expectTypeOf(sync.mutate(saveTodo, { id: '1', title: 'x' })).toEqualTypeOf<MutationHandle<Saved>>();
    expectTypeOf(sync.mutate(saveTodo, { id: '1', title: 'x' }).acknowledged).toEqualTypeOf<Promise<Saved>>();
    expectTypeOf(sync.mutate(renameTodo, { id: '1', title: 'x' }).confirmed).toEqualTypeOf<
      Promise<unknown>
    >();
    sync.mutate(addTodo, { title: 'x' });
    sync.mutate(clearDone, undefined);
    // @ts-expect-error -- a title is missing
    sync.mutate(renameTodo, { id: '1' });
    // @ts-expect-error -- no such priority
    sync.mutate(renameTodo, { id: '1', title: 'x' }, { priority: 'urgent' });
  });

  test('API rows are typed by their collection', () => {
    expectTypeOf(sync.get(todos, '1')).toEqualTypeOf<Todo | undefined>();
    expectTypeOf(sync.query(todos, { where: { done: false } })).toEqualTypeOf<readonly Todo[]>();
    sync.update(todos, '1', (draft) => {
      expectTypeOf(draft.title).toEqualTypeOf<string>();
      draft.done = true;
    });
    // @ts-expect-error -- no such field
    sync.update(todos, '1', { nope: 1 });
    // @ts-expect-error -- not all fields
    sync.insert(todos, { id: '1' });
    sync.mutate(insert(todos), { id: '1', title: 'x', done: false, rank: 0, tags: [] });
    sync.mutate(update(todos), { id: '1', patch: { done: true } });
    sync.mutate(remove(todos), '1');
  });

  test('API an event’s data is known by its name', () => {
    sync.on('mutation.rejected', ({ token, error }) => {
      expectTypeOf(token).toEqualTypeOf<Token>();
      expectTypeOf(error).toEqualTypeOf<SyncError>();
    });
    // @ts-expect-error -- no such event
    sync.on('mutation.exploded', () => undefined);
  });
});

describe('hooks', () => {
  test('RE3 useEntity is a row, or what select makes of one', () => {
    function Component({ id }: { id: string | undefined }): void {
      expectTypeOf(useEntity(todos, id)).toEqualTypeOf<Todo | undefined>();
      expectTypeOf(useEntity(todos, id, (row) => row.title)).toEqualTypeOf<string | undefined>();
      expectTypeOf(useEntity(todos, id, ({ done, rank }) => ({ done, rank }))).toEqualTypeOf<
        { done: boolean; rank: number } | undefined
      >();
    }
    expectTypeOf(Component).toBeFunction();
  });

  test('ST9 useEntities knows fields, values and operators; a function wants deps', () => {
    function Component(): void {
      expectTypeOf(useEntities(todos)).toEqualTypeOf<readonly Todo[]>();
      useEntities(todos, { where: { done: false, rank: { gt: 3 } }, orderBy: 'rank', limit: 50 });
      useEntities(todos, {
        where: { title: { contains: 'x' } },
        orderBy: { field: 'rank', direction: 'desc' },
      });
      useEntities(todos, { where: (row) => row.tags.includes('x') }, []);
      useEntities(todos, { where: (row) => row.tags.includes('x'), deps: ['x'], limit: 3 });
      // @ts-expect-error -- without deps
      useEntities(todos, { where: (row: Todo) => row.tags.includes('x') });
      // @ts-expect-error -- a number
      useEntities(todos, { where: { rank: 'high' } });
      // @ts-expect-error -- no such field
      useEntities(todos, { where: { nope: 1 } });
      // @ts-expect-error -- no such field
      useEntities(todos, { orderBy: 'nope' });
    }
    expectTypeOf(Component).toBeFunction();
  });

  test('RE1 useOptimisticMutation infers variables, data and context, and narrows by status', () => {
    function Component(): void {
      const save = useOptimisticMutation(saveTodo, {
        onMutate: (v) => {
          expectTypeOf(v).toEqualTypeOf<{ id: string; title: string }>();
          return { previous: v.title };
        },
        onSuccess: (data, v, context) => {
          expectTypeOf(data).toEqualTypeOf<Saved>();
          expectTypeOf(v.title).toEqualTypeOf<string>();
          expectTypeOf(context).toEqualTypeOf<{ previous: string }>();
        },
        onError: (error, v, context) => {
          expectTypeOf(error).toEqualTypeOf<SyncError>();
          expectTypeOf(v.id).toEqualTypeOf<string>();
          expectTypeOf(context).toEqualTypeOf<{ previous: string } | undefined>();
        },
        onSettled: (data, error) => {
          expectTypeOf(data).toEqualTypeOf<Saved | undefined>();
          expectTypeOf(error).toEqualTypeOf<SyncError | null>();
        },
        scope: { id: 'names' },
        throwOnError: (error) => error.recovery === 'system',
      });
      expectTypeOf(save.mutate({ id: '1', title: 'x' })).toEqualTypeOf<Token | undefined>();
      expectTypeOf(save.mutateAsync({ id: '1', title: 'x' })).toEqualTypeOf<Promise<Saved>>();
      save.mutate(
        { id: '1', title: 'x' },
        { onSuccess: (data) => expectTypeOf(data).toEqualTypeOf<Saved>() },
      );
      expectTypeOf(save.data).toEqualTypeOf<Saved | undefined>();
      expectTypeOf(save.error).toEqualTypeOf<SyncError | null>();
      expectTypeOf(save.status).toEqualTypeOf<'idle' | 'pending' | 'success' | 'error'>();
      if (save.isSuccess) expectTypeOf(save.data).toEqualTypeOf<Saved>();
      if (save.status === 'error') expectTypeOf(save.error).toEqualTypeOf<SyncError>();
      if (!save.isIdle) expectTypeOf(save.variables).toEqualTypeOf<{ id: string; title: string }>();
      // @ts-expect-error -- a title is missing
      save.mutate({ id: '1' });
    }
    expectTypeOf(Component).toBeFunction();
  });

  test('RT7 MU4 retry takes the definition’s variables, undo says what became of it', () => {
    function Component(): void {
      const save = useOptimisticMutation(saveTodo, { sendAfter: 5_000 });
      expectTypeOf(save.retry()).toEqualTypeOf<Token | undefined>();
      save.retry({ id: '1', title: 'x' });
      // @ts-expect-error -- a title is missing
      save.retry({ id: '1' });
      expectTypeOf(save.undo()).toEqualTypeOf<Promise<'cancelled' | 'queued' | 'settled'>>();
      expectTypeOf(save.rollback()).toEqualTypeOf<Promise<'cancelled' | 'settled'>>();
      expectTypeOf(save.needsAttention).toEqualTypeOf<boolean>();
      expectTypeOf(save.nextAttemptAt).toEqualTypeOf<number | undefined>();
      save.mutate({ id: '1', title: 'x' }, { sendAfter: 0, idempotencyKey: 'order-7' });
      // @ts-expect-error -- milliseconds
      save.mutate({ id: '1', title: 'x' }, { sendAfter: '5s' });
      useOptimisticMutation(clearDone).retry();
      useOptimisticMutation(update(todos)).retry({ id: '1', patch: { rank: 1 } });
    }
    expectTypeOf(Component).toBeFunction();
  });

  test('RT7 useDeadLetters is a list of letters, filtered by what they have', () => {
    function Component(): void {
      expectTypeOf(useDeadLetters()).toEqualTypeOf<readonly DeadLetterView[]>();
      useDeadLetters({ token: 't', name: 'renameTodo', collection: 'todos', id: '1', needsAttention: true });
      // @ts-expect-error -- a dead letter is not on its way
      useDeadLetters({ state: 'sending' });
    }
    expectTypeOf(Component).toBeFunction();
  });

  test('RE1 an asynchronous onMutate gives its value as context', () => {
    function Component(): void {
      useOptimisticMutation(renameTodo, {
        onMutate: async () => Promise.resolve({ previous: 'x' }),
        onSuccess: (_data, _v, context) => expectTypeOf(context).toEqualTypeOf<{ previous: string }>(),
      });
    }
    expectTypeOf(Component).toBeFunction();
  });

  test('RE1 built-in definitions, and variables by a schema or none', () => {
    function Component(): void {
      useOptimisticMutation(insert(todos)).mutate({ id: '1', title: 'x', done: false, rank: 0, tags: [] });
      useOptimisticMutation(update(todos)).mutate({ id: '1', patch: { rank: 1 } });
      useOptimisticMutation(remove(todos)).mutate('1');
      useOptimisticMutation(addTodo).mutate({ title: 'x' });
      useOptimisticMutation(clearDone).mutate();
    }
    expectTypeOf(Component).toBeFunction();
  });

  test('OS1 OS2 status hooks', () => {
    function Component(): void {
      expectTypeOf(useSyncStatus()).toEqualTypeOf<SyncStatus>();
      expectTypeOf(useSyncStatus((s) => s.phase)).toEqualTypeOf<SyncPhase>();
      expectTypeOf(usePendingMutations({ collection: 'todos' })).toEqualTypeOf<
        readonly PendingMutationView[]
      >();
      expectTypeOf(useEntityStatus(todos, '1')).toEqualTypeOf<EntityStatus>();
      expectTypeOf(useSyncClient()).toEqualTypeOf(sync);
    }
    expectTypeOf(Component).toBeFunction();
  });
});
