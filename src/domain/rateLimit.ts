import { clampWait, headerText, serverNow, type ReadableHeaders } from './retryAfter.js';

/** What one header, or one pair of headers, says of a quota, as text. */
interface Quota {
  readonly remaining: string | undefined;
  readonly reset: string | undefined;
}

/**
 * Milliseconds during which a quota of the server's leaves no further request, in [0, 1 h]; undefined when each leaves
 * some, or does not say usably when it will. Of several that are used up the last to be renewed counts.
 *
 * | header                                             | where it comes from                                   |
 * | -------------------------------------------------- | ----------------------------------------------------- |
 * | `RateLimit-Remaining: 0`, `RateLimit-Reset: 30`    | draft-ietf-httpapi-ratelimit-headers up to 06         |
 * | `RateLimit: limit=100, remaining=0, reset=30`      | the same, 07                                          |
 * | `RateLimit: "minute";r=0;t=30, "day";r=900;t=4000` | the same, from 08 on                                  |
 * | `X-RateLimit-Remaining: 0`, `X-RateLimit-Reset: …` | no standard: the reset is a delay or a point in time  |
 *
 * @param now milliseconds since the epoch, to read a reset that is a point in time where the response shows no `Date`
 */
export function readRateLimit(headers: ReadableHeaders | undefined, now: number): number | undefined {
  const pair = (prefix: string): Quota => ({
    remaining: headerText(headers, `${prefix}-remaining`),
    reset: headerText(headers, `${prefix}-reset`),
  });
  const quotas = [
    ...parseRateLimit(headerText(headers, 'ratelimit')),
    pair('ratelimit'),
    pair('x-ratelimit'),
  ];
  const at = serverNow(headerText(headers, 'date'), now);
  const rests = quotas
    .filter(({ remaining }) => toNumber(remaining) === 0)
    .map(({ reset }) => untilReset(toNumber(reset), at))
    .filter((rest) => rest !== undefined);
  return rests.length > 0 ? Math.max(...rests) : undefined;
}

/** The same as a reply carries it, to each of its ops, whatever became of them. */
export function restOf(headers: ReadableHeaders | undefined, now: number): { readonly restMs?: number } {
  const restMs = readRateLimit(headers, now);
  return restMs === undefined ? {} : { restMs };
}

/** The members of a `RateLimit` header: one dictionary of draft 07, or a list of items with parameters. */
function parseRateLimit(header: string | undefined): readonly Quota[] {
  // The name of a policy may hold any of the signs that are looked for.
  const text = header?.replace(/"[^"]*"/g, '') ?? '';
  if (text.includes('"')) return [];
  const members = text.split(',').map((member) => member.split(';'));
  const dictionary = readFields(members.map(([head = '']) => head));
  const lists = members.map(([, ...parameters]) => readFields(parameters));
  return [
    { remaining: dictionary.get('remaining'), reset: dictionary.get('reset') },
    ...lists.map((item) => ({ remaining: item.get('r'), reset: item.get('t') })),
  ];
}

function readFields(fields: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    fields.map((field) => {
      const [key = '', value = ''] = field.split('=');
      return [key.trim(), value];
    }),
  );
}

function toNumber(text: string | undefined): number {
  return /^\s*\d+(?:\.\d+)?\s*$/.test(text ?? '') ? Number(text) : NaN;
}

/**
 * | the reset    | is                              | because                         |
 * | ------------ | ------------------------------- | ------------------------------- |
 * | from 10^11   | milliseconds since the epoch    | as seconds, the year 5138       |
 * | from 10^9    | seconds since the epoch         | as a delay, more than 31 years  |
 * | less         | seconds from now                | as a time, before 2001          |
 */
function untilReset(reset: number, now: number): number | undefined {
  if (reset >= 1e11) return clampWait(reset - now);
  if (reset >= 1e9) return clampWait(reset * 1000 - now);
  return clampWait(reset * 1000);
}
