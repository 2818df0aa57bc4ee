import { describe, SyncError } from './errors.js';

/** The part of Standard Schema v1 that is used here (https://standardschema.dev): zod, valibot, arktype, … fit. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly unknown[] | undefined;
      }[];
    };

/** Validates `value`, or throws `VALIDATION` naming every issue with its path (MU8). */
export function validate(schema: StandardSchema, value: unknown, what: string): unknown {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) {
    result.catch(() => undefined);
    throw new SyncError(
      'VALIDATION',
      `${what}: its schema validates asynchronously; an optimistic change needs a synchronous schema.`,
    );
  }
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map((issue) => {
    const path = (issue.path ?? []).map(segment).join('.');
    return { path, message: issue.message };
  });
  const list = issues.map((i) => (i.path === '' ? i.message : `${i.path}: ${i.message}`)).join('; ');
  throw new SyncError('VALIDATION', `${what}: ${list} (received ${describe(value)}).`, {
    details: { issues },
  });
}

function segment(part: unknown): string {
  return String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part);
}
