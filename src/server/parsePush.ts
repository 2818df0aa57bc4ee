import { z } from 'zod';
import { findUnstorable } from './findUnstorable.js';
import type { ServerLimits } from './limits.js';
import { problem } from './problem.js';
import type { JsonObject, JsonValue, Op, Problem } from './protocol.js';

/** The checked envelope of `POST /ops`; its ops are still raw, so that one bad op spoils only itself. */
export interface PushEnvelope {
  readonly client: string;
  readonly schema: number | undefined;
  readonly atomic: boolean;
  readonly account: string | undefined;
  readonly ops: readonly unknown[];
}

/** An op which can be decided, or why it cannot, with as much of its name as could be read. */
export type ParsedOp =
  | { readonly ok: true; readonly op: Op; readonly raw: unknown }
  | {
      readonly ok: false;
      readonly token: string | null;
      readonly rev: number | null;
      readonly problem: Problem;
    };

/** The envelope, or why nothing in it can be decided. */
export type ParsedEnvelope =
  { readonly ok: true; readonly envelope: PushEnvelope } | { readonly ok: false; readonly problem: Problem };

/** Reads envelopes and ops within `limits`. */
export interface PushParser {
  envelope(body: unknown): ParsedEnvelope;
  op(raw: unknown): ParsedOp;
}

/** Makes the parser once per server. */
export function createPushParser(limits: ServerLimits): PushParser {
  const name = z.string().min(1).max(limits.maxNameLength);
  const id = z.string().min(1).max(limits.maxIdLength);
  const rev = z.int().min(0);
  const row = { type: name, id };
  const ifVersion = z.int().min(0).optional();
  // Passed on by reference: an object schema would copy the fields and lose one named __proto__.
  const object = z.custom<JsonObject>(isObject, 'Expected an object.');

  const insert = z.object({ kind: z.literal('insert'), ...row, data: object, ifVersion });
  const update = z.object({
    kind: z.literal('update'),
    ...row,
    patch: object,
    unset: z.array(z.string()).max(10_000).optional(),
    ifVersion,
  });
  const remove = z.object({ kind: z.literal('delete'), ...row, ifVersion });
  const group = z.object({
    kind: z.literal('group'),
    changes: z
      .array(z.discriminatedUnion('kind', [insert, update, remove]))
      .min(1)
      .max(limits.maxBatch),
  });
  const command = z.object({
    kind: z.literal('command'),
    name,
    args: z.custom<JsonValue>((value) => value !== undefined).default(null),
  });
  const key = z.object({
    op: id,
    rev,
    after: z.array(id).max(limits.maxBatch).default([]),
    follows: z.array(id).max(limits.maxBatch).optional(),
  });
  const op = key.and(z.discriminatedUnion('kind', [insert, update, remove, group, command]));
  const envelope = z.object({
    client: name,
    schema: z.int().optional(),
    atomic: z.boolean().default(false),
    account: z.string().optional(),
    ops: z.array(z.unknown()),
  });

  return {
    envelope(body) {
      const parsed = envelope.safeParse(body);
      if (!parsed.success) return { ok: false, problem: invalid(parsed.error) };
      const { schema, account, ...rest } = parsed.data;
      if (rest.ops.length > limits.maxBatch) {
        const detail = `At most ${limits.maxBatch} ops; received ${rest.ops.length}.`;
        return { ok: false, problem: problem('batch-too-large', detail, { maxBatch: limits.maxBatch }) };
      }
      const unstorable = findUnstorable(rest.client, 0);
      if (unstorable)
        return {
          ok: false,
          problem: problem('invalid', unstorable.message, { errors: [{ ...unstorable, path: '/client' }] }),
        };
      return { ok: true, envelope: { ...rest, schema, account } };
    },
    op(raw) {
      // first: everything after this line may recurse into the op
      const unstorable = findUnstorable(raw, limits.maxDepth);
      const parsed = unstorable === undefined ? op.safeParse(raw) : undefined;
      if (parsed?.success) return { ok: true, op: parsed.data, raw };
      const named = isObject(raw) ? raw : {};
      const token = id.safeParse(named['op']);
      return {
        ok: false,
        token: token.success ? token.data : null,
        rev: rev.safeParse(named['rev']).data ?? null,
        problem: parsed
          ? invalid(parsed.error)
          : problem('invalid', unstorable?.message, { errors: [unstorable] }),
      };
    },
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(error: z.ZodError): Problem {
  const errors = error.issues.slice(0, 20).map(({ path, message }) => ({
    path: path.map((part) => `/${String(part)}`).join(''),
    message,
  }));
  return problem('invalid', errors[0] && `${errors[0].path || '/'}: ${errors[0].message}`, { errors });
}
