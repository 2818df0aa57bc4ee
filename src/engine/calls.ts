import type { Transaction } from '../domain/transaction.js';
import type { Call } from './caller.js';
import type { SyncClient } from './client.js';
import type { MutateOptions } from './mutateOptions.js';
import type { Mutator } from './mutator.js';

const NO_OPTIONS: MutateOptions = {};

/** What an app calls to change something. */
export function createCalls({
  check,
  perform,
}: Pick<Mutator, 'check' | 'perform'>): Pick<SyncClient, 'mutate' | 'insert' | 'update' | 'delete'> {
  return {
    mutate(definition, variables, options = NO_OPTIONS) {
      check(definition);
      const work: Call['work'] = (tx, checked) => definition.optimistic(tx, checked as typeof variables);
      return perform({ name: definition.name, definition, variables, work, options });
    },
    insert: (collection, row, options = NO_OPTIONS) =>
      perform(builtIn('@insert', (tx) => tx.insert(collection, row), options)),
    update: (collection, id, edit, options = NO_OPTIONS) =>
      perform(builtIn('@update', (tx) => tx.update(collection, id, edit), options)),
    delete: (collection, id, options = NO_OPTIONS) =>
      perform(builtIn('@delete', (tx) => tx.delete(collection, id), options)),
  };
}

function builtIn(name: string, work: (tx: Transaction) => unknown, options: Call['options']): Call {
  return { name, definition: undefined, variables: undefined, work, options };
}
