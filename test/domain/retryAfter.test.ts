import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_RETRY_AFTER_MS, parseRetryAfter, readRetryAfter } from '../../src/domain/retryAfter.js';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);
const http = (ms: number): string => new Date(ms).toUTCString();

test.each<[string, string | null | undefined, string | null, number | undefined]>([
  ['seconds', '120', null, 120_000],
  ['a fraction', '1.5', null, 1_500],
  ['spaces around', ' 7 ', null, 7_000],
  ['zero', '0', null, 0],
  ['a date, by our clock', http(NOW + 30_000), null, 30_000],
  [
    'a date, by the clock of the server that is an hour ahead',
    http(NOW + 3_630_000),
    http(NOW + 3_600_000),
    30_000,
  ],
  ['a date and a garbled Date', http(NOW + 30_000), 'yesterday', 30_000],
  ['a date in the past', http(NOW - 30_000), null, 0],
  ['the date of RFC 850', 'Thursday, 01-Jan-26 12:00:30 GMT', null, 30_000],
  ['the date of asctime, which is GMT without saying so', 'Thu Jan  1 12:00:30 2026', null, 30_000],
  ['a date that does not exist', 'Thu, 99 Foo 2026 12:00:30 GMT', null, undefined],
  ['ten years', '315360000', null, MAX_RETRY_AFTER_MS],
  ['a date in ten years', http(NOW + 3.2e11), null, MAX_RETRY_AFTER_MS],
  ['more digits than a number holds', '9'.repeat(400), null, MAX_RETRY_AFTER_MS],
  ['zero, as a fraction', '0.0', null, 0],
  ['a negative number', '-5', null, undefined],
  ['a negative fraction', '-0.5', null, undefined],
  ['a number with its unit', '30s', null, undefined],
  ['another notation of numbers', '1e3', null, undefined],
  ['hexadecimal', '0x1e', null, undefined],
  ['a word for a number', 'Infinity', null, undefined],
  ['two headers, joined', '30, 60', null, undefined],
  ['garbage', 'soon', null, undefined],
  ['garbage that Date.parse would take', 'soon 1', null, undefined],
  ['nothing', '', null, undefined],
  ['no header', null, null, undefined],
  ['no header at all', undefined, null, undefined],
])('RT2 Retry-After: %s', (_name, header, date, ms) => expect(parseRetryAfter(header, date, NOW)).toBe(ms));

test('RT2 whatever a header says, the wait is between 0 and an hour, or left to us', () =>
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.double().map(String), fc.date().map(String)),
      fc.string(),
      (header, date) => {
        const ms = parseRetryAfter(header, date, NOW);
        if (ms === undefined) return;
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
      },
    ),
  ));

test.each<[string, unknown, number | undefined]>([
  ['a number', { retryAfterMs: 250 }, 250],
  ['too much', { retryAfterMs: 1e12 }, MAX_RETRY_AFTER_MS],
  ['negative', { retryAfterMs: -1 }, 0],
  ['zero', { retryAfterMs: 0 }, 0],
  ['a fraction', { retryAfterMs: 1.5 }, 1.5],
  ['endless', { retryAfterMs: Infinity }, MAX_RETRY_AFTER_MS],
  ['null', { retryAfterMs: null }, undefined],
  ['NaN', { retryAfterMs: NaN }, undefined],
  ['text', { retryAfterMs: '250' }, undefined],
  ['no body', undefined, undefined],
])('RT2 retryAfterMs in the body, where CORS hides headers: %s', (_name, body, ms) =>
  expect(readRetryAfter(undefined, body, NOW)).toBe(ms),
);

test('RT2 the header goes before the body, unless it says nothing usable', () => {
  const headers = new Headers({ 'retry-after': '2' });
  expect(readRetryAfter(headers, { retryAfterMs: 250 }, NOW)).toBe(2_000);
  expect(readRetryAfter(new Headers({ 'retry-after': 'soon' }), { retryAfterMs: 250 }, NOW)).toBe(250);
});
