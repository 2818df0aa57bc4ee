import type { ComponentType, ReactNode } from 'react';
import type { Server } from './server.js';
import type { Task } from './tasks.js';

/** A library, used as its documentation recommends. What it cannot do it leaves out. */
export interface Subject {
  /** Part of the names of the databases that are prepared for it. */
  readonly id: string;
  /** After a drain its database holds rows and nothing of older edits; that is checked. */
  readonly leavesNothing?: boolean;
  /** It may be closed and opened again in the same page; some keep in it what they had under way, and do not come to an end. */
  readonly repeatable?: boolean;
  open(options: Opening): Promise<App>;
}

export interface Opening {
  /** Part of the name of every database: opened by the same name again, it finds what it has left. */
  readonly name: string;
  /** Sends nothing to it until `drain`. */
  readonly server: Server;
  /** Whether there is something to find, or all rows come from the server. */
  readonly restart?: boolean;
}

/** An app with one collection, its network down. A promise means: not before it is resolved. */
export interface App {
  /** Sets fields; they are readable then. */
  edit(id: string, fields: Partial<Task>): Promise<unknown> | undefined;
  read(id: string): Task | undefined | Promise<Task | undefined>;
  all(): readonly Task[] | Promise<readonly Task[]>;
  /** Every edit so far is in IndexedDB. */
  stored(): Promise<unknown>;
  /** The network is back; resolves when every edit has been decided and nothing is left to send. */
  drain(): Promise<unknown>;
  /** Calls `listener` after the row may have changed. */
  watch?: (id: string, listener: (row: Task | undefined) => void) => () => void;
  /** All rows, by the library's own way to read them in React. */
  list?: (Row: RowComponent) => ReactNode;
  /** The first 50 undone tasks by position, kept up to date. */
  live?: () => { read(): readonly Task[] | Promise<readonly Task[]>; close(): void };
  close(): Promise<unknown> | undefined;
}

export type RowComponent = ComponentType<{ readonly task: Task }>;

/** A subject in the list of a page; its code is loaded when it is needed. */
export interface Entry {
  readonly name: string;
  /** Another way to call the one before. */
  readonly variant?: boolean;
  /** Workloads it cannot do, by id, and why. */
  readonly without?: Readonly<Record<string, string>>;
  load(): Promise<Subject>;
}
