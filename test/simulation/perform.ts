import { SyncError } from '../../src/domain/errors.js';
import type { MutateOptions } from '../../src/engine/mutateOptions.js';
import type { MutationHandle } from '../../src/engine/settlement.js';
import type { Change } from '../../src/domain/changes.js';
import { lists, todos, type Recorded, type Todo } from './model.js';
import type { Write } from './plan.js';
import type { Called, Tab } from './tab.js';
import type { World } from './world.js';

const todoId = (row: number): string => `r${row}`;
const listId = (list: number): string => `l${list}`;
const poisoned = (poison: number): string | undefined => (poison === 0 ? undefined : `poison-${poison}`);

function callClient(
  { stamp }: World,
  { client, definitions }: Tab,
  write: Write,
  options: MutateOptions,
): MutationHandle {
  const id = todoId(write.row);
  switch (write.do) {
    case 'insert': {
      const x = poisoned(write.poison);
      const row: Todo = { id, n: 0, a: stamp(), ...(x !== undefined && { x }) };
      return client.insert(todos, row, options);
    }
    case 'set': {
      const x = poisoned(write.poison);
      const patch: Partial<Todo> = Object.fromEntries(write.fields.map((field) => [field, stamp()]));
      if (x !== undefined) patch.x = x;
      return client.update(
        todos,
        id,
        write.recipe ? (draft) => void Object.assign(draft, patch) : patch,
        options,
      );
    }
    case 'unset': {
      const { fields } = write;
      const drop = (draft: Todo): void => fields.forEach((field) => Reflect.deleteProperty(draft, field));
      return client.update(todos, id, drop, options);
    }
    case 'delete':
      return client.delete(todos, id, options);
    case 'increment':
      return client.mutate(definitions.increment, { id, poison: undefined }, options);
    case 'bump':
    case 'pay':
      return client.mutate(definitions[write.do], { id, poison: poisoned(write.poison) }, options);
    case 'move':
      return client.mutate(definitions.move, { id, list: listId(write.list) }, options);
  }
}

/** What a caller may be told at once: the row is not there, or there already. */
const EXPECTED = new Set(['ENTITY_NOT_FOUND', 'ENTITY_EXISTS']);

const UNKNOWN: Recorded = { name: '', variables: undefined, changes: [] };

/** The user writes, in one tick of one process. */
export function perform(world: World, tab: Tab, writes: readonly Write[], options: MutateOptions = {}): void {
  if (tab.phase !== 'running' || tab.life.state !== 'running') return;
  tab.effort.stimulus();
  if (tab.ready) {
    for (const [token, recorded] of tab.deferred) tab.saving.set(token, recorded);
    tab.deferred.clear();
  }
  for (const write of writes) {
    const token = tab.nextToken();
    // Known before the view changes: its subscribers are told in the middle of the call.
    tab.saving.set(token, UNKNOWN);
    try {
      const handle = callClient(world, tab, write, options);
      world.report.note(tab.name, 'calls', write.do, write.row, 'as', token);
      follow(world, tab, handle);
      if (!tab.ready && tab.client.pending({ token }).length === 0) {
        tab.deferred.set(token, UNKNOWN);
        tab.saving.delete(token);
      }
    } catch (error) {
      tab.saving.delete(token);
      if (!(error instanceof SyncError && EXPECTED.has(error.code)))
        world.report.fail(8, `${tab.name} could not ${write.do}: ${String(error)}`);
    }
  }
}

function follow({ report }: World, tab: Tab, handle: MutationHandle): void {
  const { token } = handle;
  const called: Called = { token, handle, enqueued: 'open', acknowledged: 'open', confirmed: 'open' };
  tab.called.set(token, called);
  for (const stage of ['enqueued', 'acknowledged', 'confirmed'] as const) {
    const settled = (how: 'resolved' | 'rejected') => () => {
      if (tab.life.state === 'dead') return;
      report.note(tab.name, token, stage, how);
      if (called[stage] !== 'open') report.fail(8, `${stage} of ${token} settled twice`);
      called[stage] = how;
    };
    void handle[stage].then(settled('resolved'), settled('rejected'));
  }
}

/** The user takes back the `nth` last mutation that was not sent yet. */
export function rollBack({ report, truth }: World, tab: Tab, nth: number): void {
  if (tab.phase !== 'running' || tab.life.state !== 'running' || !tab.ready) return;
  const unsent = tab.client.pending().filter((m) => !m.sealed && !tab.cancelling.has(m.token));
  const token = unsent.at(-1 - nth)?.token;
  if (token === undefined) return;
  report.note(tab.name, 'rolls back', token);
  truth.cancelAsked.add(token);
  tab.cancelling.add(token);
  tab.open.add(`rollback of ${token}`);
  tab.effort.stimulus();
  const over = (): void => {
    tab.cancelling.delete(token);
    tab.open.delete(`rollback of ${token}`);
  };
  void tab.client.rollback(token).then(
    (how) => {
      over();
      if (tab.life.state !== 'dead' && how === 'cancelled' && truth.fates.get(token)?.state !== 'cancelled')
        report.fail(
          1,
          `${token} was said to be cancelled and is ${truth.fates.get(token)?.state ?? 'unknown'}`,
        );
    },
    (error: unknown) => {
      over();
      const code = error instanceof SyncError ? error.code : String(error);
      if (tab.life.state !== 'dead' && code !== 'ALREADY_SENT' && !String(error).includes('full'))
        report.fail(8, `the rollback of ${token} failed with ${String(error)}`);
    },
  );
}

/** What another device sends for a write. */
export function changesElsewhere(
  { stamp }: World,
  write: Write,
): { readonly changes: readonly Change[]; readonly command: Command | undefined } {
  const id = todoId(write.row);
  const at = { collection: todos.name, id };
  const only = (change: Change): { changes: readonly Change[]; command: undefined } => ({
    changes: [change],
    command: undefined,
  });
  const edit = (patch: Readonly<Record<string, unknown>>, unset: readonly string[] = []): Change => ({
    kind: 'update',
    ...at,
    patch,
    unset,
    previous: {},
  });
  switch (write.do) {
    case 'insert':
      return only({ kind: 'insert', ...at, row: { id, n: 0, a: stamp() } });
    case 'set':
      return only(edit(Object.fromEntries(write.fields.map((field) => [field, stamp()]))));
    case 'unset':
      return only(edit({}, write.fields));
    case 'delete':
      return only({ kind: 'delete', ...at, previous: {} });
    case 'move':
      return only(edit({ list: listId(write.list) }));
    case 'increment':
    case 'bump':
      return { changes: [], command: { name: 'bump', args: { id } } };
    case 'pay':
      return { changes: [], command: { name: 'pay', args: { id } } };
  }
}

type Command = { readonly name: string; readonly args: unknown };

export const firstRows: readonly Change[] = [
  ...[0, 1].map((row): Change => ({
    kind: 'insert',
    collection: todos.name,
    id: todoId(row),
    row: { id: todoId(row), n: 0, a: 'first' },
  })),
  ...[0, 1].map((list): Change => ({
    kind: 'insert',
    collection: lists.name,
    id: listId(list),
    row: { id: listId(list), count: 0 },
  })),
];
