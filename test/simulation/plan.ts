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
  | { readonly do: 'pay'; readonly row: number; readonly poison: Poison };

export type Field = 'a' | 'b' | 'c';

/** The status that the server refuses an op with, whenever it comes; 0: it does not. */
export type Poison = 0 | 403 | 409 | 422;

export type Urgency = 'critical' | 'normal' | 'background';

/** What happens `after` so many milliseconds. `tab` is taken modulo the number of tabs. */
export type Step = { readonly after: number } & (
  | {
      readonly kind: 'write';
      readonly tab: number;
      /** All in one tick. */
      readonly writes: readonly Write[];
      readonly priority: Urgency;
      /** The last one waits for the tab's mutation before this burst. */
      readonly dependent: boolean;
    }
  /** Takes back the tab's `nth` last unsent mutation. */
  | { readonly kind: 'rollback'; readonly tab: number; readonly nth: number }
  | { readonly kind: 'discard'; readonly tab: number }
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
  /** The server's feed begins anew, without what was deleted: old cursors are answered with 410. Not drawn yet. */
  | { readonly kind: 'expire' }
  /** The disk is full for a while: nothing can be stored. */
  | { readonly kind: 'full'; readonly ms: number }
  /** The page wakes, the platform has an opinion. */
  | { readonly kind: 'wake'; readonly tab: number }
);

/** `busy` 503 · `auth` 401 · `portal` a login page with status 200 · `hiccup` single ops answered 408, 409 in progress, 429, 500. */
export type BadAnswer = 'busy' | 'auth' | 'portal' | 'hiccup';

/** One history: a workload, the faults it meets, and the seed of every draw. Plain JSON, so that it can be kept. */
export interface Plan {
  readonly seed: number;
  readonly tabs: 1 | 2;
  /** `all`: every tab leads at once. */
  readonly lease: 'one' | 'all';
  readonly pull: boolean;
  readonly realtime: boolean;
  /** Whether what a `mutationFn` does is echoed by the feed as its own. */
  readonly tagged: boolean;
  /** Only the first tab and the server heal; nobody writes, reloads or is told that the network is back. */
  readonly liveness: boolean;
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
