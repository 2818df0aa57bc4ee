/** One request, as it went. */
export interface LoggedSend {
  readonly kind: 'push' | 'pull';
  /** When it was sent, by the clock's monotonic milliseconds. */
  readonly at: number;
  /** When the client learnt how it ended; undefined while it is under way. */
  readonly endedAt: number | undefined;
  readonly tokens: readonly string[];
  /** `token.rev` of each op. */
  readonly keys: readonly string[];
  /**
   * `offline` and `lost`: the server never saw it. `answer lost` and `abandoned` (the client stopped waiting): it may
   * have taken effect all the same.
   */
  readonly outcome: 'under way' | 'answered' | 'scripted' | 'offline' | 'lost' | 'answer lost' | 'abandoned';
  /** Whether the server gets it twice. */
  readonly duplicated: boolean;
}

export interface SendLog {
  readonly entries: readonly LoggedSend[];
  begin(
    kind: LoggedSend['kind'],
    tokens: readonly string[],
    keys: readonly string[],
  ): { end(outcome: LoggedSend['outcome']): void; duplicated(): void };
  changed(): void;
  subscribe(listener: () => void): () => void;
}

type Logged = { -readonly [K in keyof LoggedSend]: LoggedSend[K] };

const LENGTH = 10_000;

/** A bounded log. `entries` is the same array until something changed, as React's external stores want it. */
export function createSendLog(clock: { monotonic(): number }): SendLog {
  const kept: Logged[] = [];
  const listeners = new Set<{ readonly call: () => void }>();
  let snapshot: readonly LoggedSend[] | undefined;
  const changed = (): void => {
    snapshot = undefined;
    for (const { call } of [...listeners]) call();
  };
  return {
    get entries() {
      return (snapshot ??= kept.map((entry) => ({ ...entry })));
    },
    begin(kind, tokens, keys) {
      const logged: Logged = {
        kind,
        at: clock.monotonic(),
        endedAt: undefined,
        tokens,
        keys,
        outcome: 'under way',
        duplicated: false,
      };
      if (kept.push(logged) > LENGTH) kept.shift();
      changed();
      return {
        end(outcome) {
          logged.outcome = outcome;
          logged.endedAt = clock.monotonic();
          changed();
        },
        duplicated() {
          logged.duplicated = true;
          changed();
        },
      };
    },
    changed,
    subscribe(call) {
      const entry = { call };
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
  };
}
