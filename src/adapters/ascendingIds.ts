import { v4 as uuid } from 'uuid';

/**
 * Makes UUIDv7s that ascend. What is random in them is drawn once per millisecond, and counted up from there for the
 * others of that millisecond (RFC 9562, 6.2, method 2).
 */
export function ascendingIds(now: () => number = Date.now): () => string {
  let msecs = -1;
  let head = '';
  let count = 0;
  return () => {
    const time = now();
    if (time > msecs || ++count > 99_999_999) {
      msecs = Math.max(time, msecs + 1);
      const random = uuid();
      const at = msecs.toString(16).padStart(12, '0');
      head = `${at.slice(0, 8)}-${at.slice(8)}-7${random.slice(15, 28)}`;
      // Eight decimal digits, which are hexadecimal ones, too: engines print those several times faster.
      count = 10_000_000 + (parseInt(random.slice(28), 16) % 80_000_000);
    }
    return head + String(count);
  };
}
