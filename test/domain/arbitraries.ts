import fc from 'fast-check';
import type { Row } from '../../src/domain/entity.js';

/** Names that mean something to JavaScript, and nothing to us. */
export const HOSTILE = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
  '',
];

export const hostileField: fc.Arbitrary<string> = fc.constantFrom(...HOSTILE);

/** What JSON carries unchanged. */
export const jsonValue: fc.Arbitrary<unknown> = fc
  .jsonValue({ maxDepth: 3, stringUnit: 'binary' })
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown); // no -0

const field = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.string(), hostileField);

/** A row with few field names, so that two rows often share some; hostile names among them. */
export const jsonRow: fc.Arbitrary<Row> = fc
  .array(fc.tuple(field, jsonValue), { maxLength: 6 })
  .map((entries) => Object.fromEntries(entries));
