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
    if (time > msecs || ++count > 0xffff_ffff) {
      msecs = Math.max(time, msecs + 1);
      const random = uuid();
      const at = msecs.toString(16).padStart(12, '0');
      head = `${at.slice(0, 8)}-${at.slice(8)}-7${random.slice(15, 28)}`;
      // Of the last 32 bits, 30: the counter has room to grow in, and engines print small integers faster.
      count = parseInt(random.slice(28), 16) >>> 2;
    }
    return head + count.toString(16).padStart(8, '0');
  };
}
