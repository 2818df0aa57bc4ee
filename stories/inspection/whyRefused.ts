import type { DeadLetterView } from '../../src/index.js';

/** The server's own words (its problem document), or the library's where it said none. */
export function whyRefused({
  message,
  details,
}: Pick<DeadLetterView['error'], 'message' | 'details'>): string {
  const { detail, title } = (details['problem'] ?? {}) as { detail?: unknown; title?: unknown };
  return [detail, title].find((text) => typeof text === 'string') ?? message;
}
