import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { SyncError } from '../../src/domain/errors.js';
import { validate, type StandardSchema } from '../../src/domain/standardSchema.js';

const schema = (validateValue: StandardSchema['~standard']['validate']): StandardSchema => ({
  '~standard': { version: 1, vendor: 'test', validate: validateValue },
});
const caught = (of: StandardSchema, value: unknown): SyncError => {
  try {
    validate(of, value, '"rename"');
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
  throw new Error('accepted');
};

describe('MU8 validate', () => {
  test('returns what the schema makes of it', () => {
    expect(validate(z.object({ n: z.coerce.number() }), { n: '7' }, 'it')).toEqual({ n: 7 });
  });

  test('names every issue with its path, and keeps them for programs', () => {
    const error = caught(z.object({ title: z.string().min(1), tags: z.array(z.number()) }), {
      title: '',
      tags: [1, 'x'],
    });
    expect(error.code).toBe('VALIDATION');
    expect(error.message).toMatch(/^"rename": title: .+; tags\.1: .+ \(received an object\)\.$/);
    expect(error.details['issues']).toMatchObject([{ path: 'title' }, { path: 'tags.1' }]);
  });

  test('reads paths of either form, and issues without one', () => {
    const issues = [{ message: 'A', path: [{ key: 'list' }, 0] }, { message: 'B' }];
    expect(
      caught(
        schema(() => ({ issues })),
        7,
      ).message,
    ).toBe('"rename": list.0: A; B (received 7).');
  });

  test('refuses an asynchronous schema, and leaves no rejection behind', () => {
    expect(
      caught(
        schema(() => Promise.reject(new Error('later'))),
        7,
      ).message,
    ).toContain('validates asynchronously');
  });
});
