import type { Effect, Origin } from './effect.js';
import { problem } from './problem.js';
import type { Change, Entity, JsonObject, JsonValue, Problem } from './protocol.js';

/** What a command can do with the rows, all in the op's transaction. Each throws a {@link Refusal} if it may not. */
export interface CommandTransaction {
  /** The row, locked until the transaction ends; `undefined` when there is none. */
  get(type: string, id: string): Promise<Entity | undefined>;
  insert(type: string, id: string, data: JsonObject): Promise<Entity>;
  /** Sets the fields of `patch` and removes those in `unset`. */
  update(type: string, id: string, patch: JsonObject, unset?: readonly string[]): Promise<Entity>;
  delete(type: string, id: string): Promise<Entity>;
}

/** Whose command it is. */
export interface CommandContext extends Origin {
  /** Ends the command: nothing it wrote stays, and the op is answered with 422 and this text. */
  refuse(detail: string, members?: Readonly<Record<string, unknown>>): never;
}

/**
 * A named piece of server code. What it does to the rows is done exactly once per idempotency key; the code itself may
 * run again when its transaction failed. Its return value (JSON, or nothing) is the
 * op's `result`. Throwing anything but a {@link Refusal} answers the op with 500, which the client tries again.
 * Inside PGlite everybody waits for it.
 */
export type CommandCode = (
  tx: CommandTransaction,
  args: JsonValue,
  context: CommandContext,
) => Promise<unknown>;

/** Carries a problem out of a command. It is the op's answer for good, unless its status asks for another try. */
export class Refusal extends Error {
  readonly problem: Problem;
  override readonly name = 'Refusal';

  constructor(content: Problem) {
    super(content.title);
    this.problem = content;
  }
}

/** Runs a command on an effect. @throws Refusal */
export async function runCommand(
  code: CommandCode,
  args: JsonValue,
  effect: Effect,
  origin: Origin,
): Promise<JsonValue | undefined> {
  const apply = async (change: Change): Promise<Entity> => {
    const outcome = await effect.apply(asJson(change));
    if (outcome.accepted) return asJson(outcome.entity);
    throw new Refusal(outcome.problem);
  };
  const tx: CommandTransaction = {
    async get(type, id) {
      const row = await effect.get(type, id);
      return row && asJson(row);
    },
    insert: (type, id, data) => apply({ kind: 'insert', type, id, data }),
    update: (type, id, patch, unset = []) => apply({ kind: 'update', type, id, patch, unset }),
    delete: (type, id) => apply({ kind: 'delete', type, id }),
  };
  const context: CommandContext = {
    ...origin,
    refuse(detail, members) {
      throw new Refusal(problem('invalid', detail, members));
    },
  };
  const returned = await code(tx, args, context);
  return returned === undefined ? undefined : (asJson(returned) as JsonValue);
}

/** What a command gives and gets is nobody else's, and the first answer and its replays are the same. */
const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
