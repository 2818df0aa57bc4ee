import { SyncError } from '../../src/domain/errors.js';
import type { Resolution, RowResolution } from '../../src/domain/resolution.js';
import type { ConflictView } from '../../src/engine/conflictView.js';
import type { MutateOptions } from '../../src/engine/mutateOptions.js';
import type { MutationHandle } from '../../src/engine/settlement.js';
import type { Change } from '../../src/domain/changes.js';
import { lists, projects, tasks, todos, type Project, type Todo } from './model.js';
import type { Recorded } from './refold.js';
import type { Decision, Write } from './plan.js';
import type { Called, Tab } from './tab.js';
import type { Device, World } from './world.js';

const todoId = (row: number): string => `r${row}`;
const listId = (list: number): string => `l${list}`;
const poisoned = (poison: number): string | undefined => (poison === 0 ? undefined : `poison-${poison}`);

/** One of them; undefined when there is none. */
function nth<T>(all: Iterable<T>, at: number): T | undefined {
  const list = [...all];
  return list[at % Math.max(1, list.length)];
}

/** A project that is seen, by the id it has or the one it had first. */
function projectId({ client }: Tab, row: number, old: boolean): string | undefined {
  const project = nth(client.query(projects), row);
  return project && (old ? client.keyOf(projects, project) : project.id);
}

/** Undefined: there is nothing to do it with. */
function callClient(
  world: Device,
  tab: Tab,
  write: Write,
  options: MutateOptions,
): MutationHandle | undefined {
  const { stamp } = world;
  const { client, definitions } = tab;
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
    case 'add':
      return client.mutate(definitions.add, { id, by: write.by, poison: poisoned(write.poison) }, options);
    case 'label':
      return client.mutate(definitions.label, { id, text: stamp(), poison: poisoned(write.poison) }, options);
    case 'tip':
      return client.mutate(
        definitions.tip,
        { id, amount: write.amount, poison: poisoned(write.poison) },
        options,
      );
    case 'revert': {
      const base = tab.shadow.rows.get(`todos/${id}`)?.row as Todo | undefined;
      return client.update(todos, id, { [write.field]: base?.[write.field] }, options);
    }
    case 'open': {
      const x = poisoned(write.poison);
      const row: Project = { id: `p${stamp()}`, text: stamp(), ...(x !== undefined && { x }) };
      tab.projects.add(row.id);
      return client.insert(projects, row, options);
    }
    case 'rename':
    case 'retitle':
    case 'close':
    case 'task':
    case 'refile':
      return callOnProject(world, tab, write, options);
  }
}

function callOnProject(
  { stamp }: Device,
  tab: Tab,
  write: Extract<Write, { old: boolean }>,
  options: MutateOptions,
): MutationHandle | undefined {
  const { client, definitions } = tab;
  const id = projectId(tab, write.row, write.old);
  if (id === undefined) return undefined;
  switch (write.do) {
    case 'rename': {
      const x = poisoned(write.poison);
      return client.update(projects, id, { text: stamp(), ...(x !== undefined && { x }) }, options);
    }
    case 'retitle':
      return client.mutate(definitions.retitle, { id, text: stamp() }, options);
    case 'close':
      return client.delete(projects, id, options);
    case 'task': {
      const x = poisoned(write.poison);
      return client.insert(tasks, { id: `t${stamp()}`, project: id, ...(x !== undefined && { x }) }, options);
    }
    case 'refile': {
      const task = client.query(tasks).at(-1);
      if (task === undefined) return undefined;
      return write.named
        ? client.mutate(definitions.refile, { id: task.id, project: id }, options)
        : client.update(tasks, task.id, { project: id }, options);
    }
  }
}

/** What a caller may be told at once: the row is not there, or there already; what it depends on was refused. */
const EXPECTED = new Set(['ENTITY_NOT_FOUND', 'ENTITY_EXISTS', 'DEPENDENCY']);

const UNKNOWN: Recorded = { name: '', variables: undefined, changes: [] };

/** The user writes, in one tick of one process. */
export function perform(
  world: Device,
  tab: Tab,
  writes: readonly Write[],
  options: MutateOptions = {},
): void {
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
      if (handle === undefined) {
        tab.saving.delete(token);
        continue;
      }
      world.report.note(tab.name, 'calls', write.do, write.row, 'as', token);
      // Known limit: called before the storage is read, it is dated when it begins.
      if (tab.ready) world.truth.calledAt.set(token, world.gateway.now());
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

function follow({ report }: Device, tab: Tab, handle: MutationHandle): void {
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
export function rollBack({ report, truth }: Device, tab: Tab, nth: number): void {
  if (tab.phase !== 'running' || tab.life.state !== 'running' || !tab.ready) return;
  const unsent = tab.client
    .pending()
    .filter((m) => !m.sealed && m.state !== 'needsAttention' && !tab.cancelling.has(m.token));
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

const EDITED: Readonly<Record<string, unknown>> = { poison: undefined };

const withoutX = (row: object): object =>
  Object.fromEntries(Object.entries(row).filter(([field]) => field !== 'x'));

/** The same without what the server refuses. */
function withoutPoison({ stamp }: Device, name: string, variables: unknown): unknown {
  // The id to delete.
  if (typeof variables === 'string') return variables;
  const fields = variables as Readonly<Record<string, unknown>>;
  if (!name.startsWith('@')) return { ...fields, ...EDITED };
  // An update may have met a conflict, and be an insert now.
  if ('patch' in fields) return { ...fields, patch: withoutX(fields['patch'] as object) };
  const row = withoutX(fields);
  return 'a' in row ? { ...row, a: stamp() } : row;
}

/** Those that wait for the same decision. */
function sharing({ client }: Tab, token: string): readonly string[] {
  return client.conflicts().find(({ tokens }) => tokens.includes(token))?.tokens ?? [token];
}

/** What the user may be told at once of a dead letter: it is none any more, or makes no sense here. */
const UNREPAIRABLE = new Set([...EXPECTED, 'UNKNOWN_TOKEN', 'VALIDATION']);

/** The user tries a dead letter again. */
export function retry(world: Device, tab: Tab, at: number, asked: boolean): void {
  const { truth, report } = world;
  if (tab.phase !== 'running' || tab.life.state !== 'running' || !tab.ready) return;
  const letter = nth(tab.client.deadLetters(), at);
  if (letter === undefined) return;
  const { token, name, variables } = letter;
  // Known limit: what was given up and comes back with other content may be done twice, a row of the server's included.
  const edited =
    asked &&
    variables !== undefined &&
    !(letter.mayHaveArrived && letter.entities.some((e) => e.collection === projects.name));
  report.note(tab.name, 'retries', token, edited ? 'edited' : 'as it is');
  for (const one of sharing(tab, token)) truth.retryAsked.add(one);
  if (edited) truth.editAsked.add(token);
  tab.effort.stimulus();
  const asking = `retry ${tab.retries++}, of ${token}`;
  try {
    const handle = tab.client.retry(token, edited ? withoutPoison(world, name, variables) : undefined);
    tab.open.add(asking);
    handle.enqueued.then(
      () => {
        tab.open.delete(asking);
        follow(world, tab, handle);
      },
      // Somebody was faster, or the disk is full: nothing of it was ever shown.
      () => tab.open.delete(asking),
    );
  } catch (error) {
    if (!(error instanceof SyncError && UNREPAIRABLE.has(error.code)))
      report.fail(8, `${tab.name} could not retry ${token}: ${String(error)}`);
  }
}

/** The user decides a conflict. */
export function resolve(world: Device, tab: Tab, at: number, how: Decision): void {
  const { truth, report } = world;
  if (tab.phase !== 'running' || tab.life.state !== 'running' || !tab.ready) return;
  const conflict = nth(tab.client.conflicts(), at);
  if (conflict === undefined) return;
  const { id, tokens } = conflict;
  report.note(tab.name, 'resolves', id, 'of', tokens.join(' '), how);
  for (const token of tokens) truth.resolveAsked.add(token);
  tab.effort.stimulus();
  const asking = `resolution ${tab.retries++}, of ${id}`;
  try {
    const handle = tab.client.resolve(id, how === 'fields' ? chosen(world, conflict) : how);
    tab.open.add(asking);
    const over = (): void => void tab.open.delete(asking);
    // Somebody was faster, or the disk is full: then nothing of it was ever shown.
    handle.enqueued.then(over, over);
  } catch (error) {
    if (!(error instanceof SyncError && UNREPAIRABLE.has(error.code)))
      report.fail(8, `${tab.name} could not resolve ${id}: ${String(error)}`);
  }
}

/** Of each row all fields on which the sides differ: mine, theirs, or something else. */
function chosen({ stamp, random }: Device, { id, rows }: ConflictView): Resolution {
  const draw = random(`decision ${id}`);
  const parts = rows.map(({ collection, id: row, mine, theirs, diff }): readonly [string, RowResolution] => {
    if (mine === undefined || theirs === undefined)
      return [`${collection}/${row}`, draw() < 0.5 ? 'mine' : 'theirs'];
    const fields = diff.map((one) => {
      const other = typeof one.mine === 'string' ? stamp() : one.mine;
      return [one.field, [one.mine, one.theirs, other][Math.floor(draw() * 3)]] as const;
    });
    return [`${collection}/${row}`, { fields: Object.fromEntries(fields) }];
  });
  return { rows: Object.fromEntries(parts) };
}

/** The user no longer wants to see a dead letter. */
export function discard({ truth, report }: Device, tab: Tab, at: number): void {
  const token = nth(tab.client.deadLetters(), at)?.token;
  if (token === undefined) return;
  report.note(tab.name, 'discards', token);
  for (const one of sharing(tab, token)) truth.discardAsked.add(one);
  tab.effort.stimulus();
  // A full disk, or a process that ended, may be in the way.
  tab.client.discard(token).catch(() => undefined);
}

/** What another device sends for a write. */
export function changesElsewhere(
  { stamp, gateway }: World,
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
    case 'add':
      return { changes: [], command: { name: 'add', args: { id, by: write.by } } };
    case 'tip':
      return { changes: [], command: { name: 'tip', args: { id, amount: write.amount } } };
    case 'label':
      return only(edit({ label: stamp() }));
    case 'revert':
      return only(edit({ [write.field]: stamp() }));
    case 'open':
      return only({ kind: 'insert', collection: projects.name, id: stamp(), row: { id: '', text: stamp() } });
    case 'rename':
    case 'retitle':
    case 'close':
    case 'task':
    case 'refile': {
      const project = nth(gateway.server.rows(projects.name).keys(), write.row) ?? 'none';
      const on = { collection: projects.name, id: project };
      if (write.do === 'close') return only({ kind: 'delete', ...on, previous: {} });
      if (write.do === 'task' || write.do === 'refile') {
        const row = { id: `t${stamp()}`, project };
        return only({ kind: 'insert', collection: tasks.name, id: row.id, row });
      }
      return only({ kind: 'update', ...on, patch: { text: stamp() }, unset: [], previous: {} });
    }
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
