/** What the user does, on a few rows so that it meets itself. */
export type Write =
  | { readonly do: 'insert'; readonly row: number; readonly poison: Poison }
  | {
      readonly do: 'set';
      readonly row: number;
      readonly fields: readonly Field[];
      readonly recipe: boolean;
      readonly poison: Poison;
    }
  | { readonly do: 'unset'; readonly row: number; readonly fields: readonly Field[] }
  | { readonly do: 'delete'; readonly row: number }
  /** `n + 1`, sent as the field it sets. */
  | { readonly do: 'increment'; readonly row: number }
  /** `n + 1`, sent as a command. */
  | { readonly do: 'bump'; readonly row: number; readonly poison: Poison }
  /** Touches two entities. */
  | { readonly do: 'move'; readonly row: number; readonly list: number }
  /** Sent by its own function. */
  | { readonly do: 'pay'; readonly row: number; readonly poison: Poison }
  /** `n + by`, sent as a command; two merge, unless they add too much, and are annulled when they add nothing. */
  | { readonly do: 'add'; readonly row: number; readonly by: number; readonly poison: Poison }
  /** Sets a field by a named mutation that merges with its like, and is held when it is refused. */
  | { readonly do: 'label'; readonly row: number; readonly poison: Poison }
  /** Sent by its own function, two as one. */
  | { readonly do: 'tip'; readonly row: number; readonly amount: number; readonly poison: Poison }
  /** Sets a field to what the server has. */
  | { readonly do: 'revert'; readonly row: number; readonly field: Field }
  /** Inserts a project: the server gives it another id. */
  | { readonly do: 'open'; readonly row: number; readonly poison: Poison }
  /** These take `row` modulo what there is; `old`: a project is named by the id it had first. */
  | { readonly do: 'rename'; readonly row: number; readonly old: boolean; readonly poison: Poison }
  | { readonly do: 'retitle'; readonly row: number; readonly old: boolean }
  | { readonly do: 'close'; readonly row: number; readonly old: boolean }
  /** Inserts a task, which refers to a project. */
  | { readonly do: 'task'; readonly row: number; readonly old: boolean; readonly poison: Poison }
  /** Lets the newest task refer to another project: by its fields, or by a named mutation. */
  | { readonly do: 'refile'; readonly row: number; readonly old: boolean; readonly named: boolean };

export type Field = 'a' | 'b' | 'c';

/** The status that the server refuses an op with, whenever it comes; 0: it does not. */
export type Poison = 0 | 403 | 404 | 409 | 413 | 422;

export type Urgency = 'critical' | 'high' | 'normal' | 'low' | 'background';

/** What happens `after` so many milliseconds. `tab` is taken modulo the number of all tabs, those of the first device first. */
export type Step = { readonly after: number } & (
  | {
      readonly kind: 'write';
      readonly tab: number;
      /** All in one tick. */
      readonly writes: readonly Write[];
      readonly priority: Urgency;
      /** The last one waits for the tab's mutation before this burst. */
      readonly dependent: boolean;
      /** Milliseconds for which they may be taken back. */
      readonly sendAfter?: number;
    }
  /** Takes back the tab's `nth` last unsent mutation. */
  | { readonly kind: 'rollback'; readonly tab: number; readonly nth: number }
  | { readonly kind: 'discard'; readonly tab: number; readonly nth?: number }
  /** Tries a dead letter again; `edited`: with other content, which the server may like. */
  | { readonly kind: 'retry'; readonly tab: number; readonly nth: number; readonly edited: boolean }
  /** Decides the tab's `nth` conflict that waits for the user. */
  | { readonly kind: 'resolve'; readonly tab: number; readonly nth: number; readonly how: Decision }
  | { readonly kind: 'sync'; readonly tab: number }
  /** Another device writes. */
  | { readonly kind: 'elsewhere'; readonly writes: readonly Write[] }
  /** The server, or what stands before it, answers in a bad way for a while. */
  | {
      readonly kind: 'window';
      readonly bad: BadAnswer;
      readonly ms: number;
      readonly retryAfterMs: number;
      /** Ops take effect all the same. */
      readonly applies: boolean;
    }
  /** The line of one tab is cut; `noticed`: the platform says so. */
  | { readonly kind: 'offline'; readonly tab: number; readonly ms: number; readonly noticed: boolean }
  /** The process ends; another one starts after a while and writes before it is ready. */
  | {
      readonly kind: 'crash';
      readonly tab: number;
      readonly downMs: number;
      readonly early: readonly Write[];
    }
  /** `dispose()` and another client on the same disk, at once or when the first has ended. */
  | {
      readonly kind: 'reload';
      readonly tab: number;
      readonly overlap: boolean;
      readonly early: readonly Write[];
    }
  | { readonly kind: 'freeze'; readonly tab: number; readonly ms: number }
  /** The wall clock jumps. */
  | { readonly kind: 'jump'; readonly ms: number }
  /**
   * The server forgets what it has deleted, and answers cursors from before with 410: all of them, because its feed
   * begins anew, or, `collected`, those that are older than what it still has.
   */
  | { readonly kind: 'expire'; readonly collected?: boolean }
  /** The server goes down: what is under way fails, and nobody hears of changes, until it is back with what it had stored. */
  | { readonly kind: 'restart'; readonly ms: number }
  /** The disk is full for a while: nothing can be stored. */
  | { readonly kind: 'full'; readonly ms: number }
  /** The page wakes, the platform has an opinion. */
  | { readonly kind: 'wake'; readonly tab: number }
);

/**
 * `busy` 503 · `auth` 401 · `portal` a login page with status 200 · `hiccup` single ops answered 408, 409 in progress,
 * 429, 500 · `down` 502 for the whole request · `limit` good answers that leave no further request for `retryAfterMs`.
 */
export type BadAnswer = 'busy' | 'auth' | 'portal' | 'hiccup' | 'down' | 'limit';

export interface Another {
  readonly tabs: 1 | 2;
  /** How far its wall clock is ahead of the first device's, in milliseconds. */
  readonly skewMs: number;
}

/** `custom` merges by its own code, `slow` takes its time for that, `broken` throws, `mute` never answers. */
export type Strategy =
  | 'lastWriteWins'
  | 'serverWins'
  | 'clientWins'
  | 'mergeFields'
  | 'ask'
  | 'custom'
  | 'slow'
  | 'broken'
  | 'mute';

export type Strategies = Readonly<Record<'todos' | 'lists' | 'projects' | 'tasks', Strategy>>;

/** What a user says of a conflict; `fields`: value by value. */
export type Decision = 'mine' | 'theirs' | 'fields';

/** One history: a workload, the faults it meets, and the seed of every draw. Plain JSON, so that it can be kept. */
export interface Plan {
  readonly seed: number;
  readonly tabs: 1 | 2;
  /** More devices, each with a disk, tabs and a clock of its own. @default none */
  readonly others?: readonly Another[];
  /** How each collection decides conflicts (CF2). @default as model.ts says */
  readonly strategies?: Strategies;
  /** `all`: every tab leads at once. */
  readonly lease: 'one' | 'all';
  readonly pull: boolean;
  readonly realtime: boolean;
  /** Whether what a `mutationFn` does is echoed by the feed as its own. */
  readonly tagged: boolean;
  /** Only the first tab and the server heal; nobody writes, reloads or is told that the network is back. */
  readonly liveness: boolean;
  /** Attempts after which the client gives up. @default for ever */
  readonly maxAttempts?: number;
  /** What opens the breaker, and for how long. @default the client's own */
  readonly breaker?: { readonly failures: number; readonly openMs: number };
  readonly network: {
    /** Bounds of a round trip. */
    readonly latencyMs: readonly [min: number, max: number];
    /** Shares of requests. */
    readonly loss: number;
    readonly lossAfter: number;
    readonly duplicate: number;
    /** Answered later than anybody waits. */
    readonly stall: number;
    /** Share of hints between tabs that get lost. */
    readonly hintLoss: number;
  };
  readonly storage: {
    /** The longest that a transaction takes. */
    readonly ms: number;
    /** Share of writes in which the process dies. */
    readonly crash: number;
  };
  readonly steps: readonly Step[];
}
