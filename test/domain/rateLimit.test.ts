import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRateLimit } from '../../src/domain/rateLimit.js';
import { MAX_RETRY_AFTER_MS } from '../../src/domain/retryAfter.js';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);
const SECONDS = NOW / 1000;
const pair = (prefix: string, remaining: string, reset: string): Record<string, string> => ({
  [`${prefix}-Remaining`]: remaining,
  [`${prefix}-Reset`]: reset,
});
const ietf = (remaining: string, reset: string) => pair('RateLimit', remaining, reset);
const x = (remaining: string, reset: string) => pair('X-RateLimit', remaining, reset);

test.each<[string, Record<string, string>, number | undefined]>([
  // Two headers of the IETF's, drafts up to 06.
  ['nothing is left for 30 s', ietf('0', '30'), 30_000],
  ['something is left', ietf('1', '30'), undefined],
  ['a limit besides', { 'RateLimit-Limit': '100, 100;w=60', ...ietf('0', '7') }, 7_000],
  ['a fraction of a second', ietf('0', '0.5'), 500],
  ['spaces around', ietf(' 0 ', ' 30 '), 30_000],
  ['it is renewed just now', ietf('0', '0'), 0],
  ['absurdly long', ietf('0', '36000'), MAX_RETRY_AFTER_MS],
  // The dictionary of draft 07.
  ['draft 07', { RateLimit: 'limit=100, remaining=0, reset=30' }, 30_000],
  ['draft 07, something left', { RateLimit: 'limit=100, remaining=50, reset=5' }, undefined],
  ['draft 07, in another order', { RateLimit: 'reset=30,remaining=0,limit=100' }, 30_000],
  ['draft 07, with parameters', { RateLimit: 'limit=10, remaining=0;by=ip, reset=9;x' }, 9_000],
  ['draft 07, without remaining', { RateLimit: 'limit=10, reset=1' }, undefined],
  // The list of items from draft 08 on.
  ['draft 08', { RateLimit: '"default";r=0;t=30' }, 30_000],
  ['draft 08, as express-rate-limit writes it', { RateLimit: '"100-in-1min"; r=0; t=30' }, 30_000],
  ['draft 08, something left', { RateLimit: '"default";r=50;t=30' }, undefined],
  ['draft 08, a partition key', { RateLimit: '"default";r=0;t=60;pk=:QXBwLTk5OQ==:' }, 60_000],
  ['draft 08, no reset', { RateLimit: '"default";r=0' }, undefined],
  ['draft 08, one of two used up', { RateLimit: '"minute";r=0;t=30, "day";r=900;t=4000' }, 30_000],
  ['draft 08, both used up', { RateLimit: '"minute";r=0;t=30, "hour";r=0;t=900' }, 900_000],
  [
    'draft 08, a name that looks like a quota',
    { RateLimit: '"a,remaining=0,reset=9;r=0;t=9";r=5' },
    undefined,
  ],
  ['draft 08, a name without its end', { RateLimit: '"default;r=0;t=30' }, undefined],
  ['draft 08, a name that is a token', { RateLimit: 'quota;r=0;t=1' }, 1_000],
  // No standard.
  ['X, seconds from now', x('0', '30'), 30_000],
  ['X, as GitHub: seconds since the epoch', x('0', String(SECONDS + 45)), 45_000],
  ['X, milliseconds since the epoch', x('0', String(NOW + 1_500)), 1_500],
  ['X, a time that is past', x('0', String(SECONDS - 45)), 0],
  ['X, a time in ten years', x('0', String(SECONDS + 3.2e8)), MAX_RETRY_AFTER_MS],
  ['X, something left', x('59', String(SECONDS + 45)), undefined],
  [
    'a time by the clock of the server, which is an hour ahead',
    { Date: new Date(NOW + 3_600_000).toUTCString(), ...x('0', String(SECONDS + 3_645)) },
    45_000,
  ],
  [
    'a delay does not care for clocks',
    { Date: new Date(NOW + 3_600_000).toUTCString(), ...x('0', '45') },
    45_000,
  ],
  // Several at once: a gateway and a server, each with its own.
  ['two used up', { ...ietf('0', '5'), ...x('0', '60') }, 60_000],
  ['only the one of the gateway is used up', { RateLimit: '"app";r=50;t=90', ...x('0', '60') }, 60_000],
  ['one used up without a reset', { 'RateLimit-Remaining': '0', ...x('0', '60') }, 60_000],
  // What says nothing.
  ['no header', {}, undefined],
  ['no reset', { 'RateLimit-Remaining': '0' }, undefined],
  ['a reset alone', { 'RateLimit-Reset': '30' }, undefined],
  ['an empty reset', ietf('0', ''), undefined],
  ['a negative reset', ietf('0', '-30'), undefined],
  ['a reset that is a word', ietf('0', 'soon'), undefined],
  ['a reset in another notation', ietf('0', '3e1'), undefined],
  ['an empty remaining', ietf('', '30'), undefined],
  ['a negative remaining', ietf('-1', '30'), undefined],
  ['a remaining that is a word', ietf('none', '30'), undefined],
  ['an empty RateLimit', { RateLimit: '' }, undefined],
  ['a RateLimit of signs', { RateLimit: ';=,;r=,=0;t' }, undefined],
])('RT2 the rest that a rate limit asks for: %s', (_name, headers, ms) =>
  expect(readRateLimit(new Headers(headers), NOW)).toBe(ms),
);

test('RT2 without a clock, a delay is known and a time is not', () => {
  expect(readRateLimit(new Headers(x('0', '30')), NaN)).toBe(30_000);
  expect(readRateLimit(new Headers(x('0', String(SECONDS + 45))), NaN)).toBeUndefined();
  const dated = { Date: new Date(NOW).toUTCString(), ...x('0', String(SECONDS + 45)) };
  expect(readRateLimit(new Headers(dated), NaN)).toBe(45_000);
});

test('RT2 no headers, or headers that are no text, say nothing', () => {
  expect(readRateLimit(undefined, NOW)).toBeUndefined();
  for (const value of [0, null, undefined, ['0'], {}, true])
    expect(readRateLimit({ get: () => value }, NOW)).toBeUndefined();
});

test('RT2 whatever the headers say, the rest is between 0 and an hour, or unknown', () => {
  const text = fc.oneof(fc.string(), fc.nat().map(String), fc.double().map(String));
  const field = fc.array(fc.oneof(text, fc.constantFrom(';r=0', ';t=', ',', '"', 'remaining=0', 'reset=')));
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('ratelimit-reset', 'x-ratelimit-reset', 'date'), text),
      field,
      (rest, parts) => {
        const headers: Record<string, string> = {
          ...rest,
          ratelimit: parts.join(''),
          'ratelimit-remaining': '0',
          'x-ratelimit-remaining': '0',
        };
        const ms = readRateLimit({ get: (name) => headers[name] }, NOW);
        if (ms === undefined) return;
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
      },
    ),
  );
});
