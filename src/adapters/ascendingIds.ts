import { v7 } from 'uuid';

/** Random bytes are drawn for so many ids at once: a system call for each would cost as much as the rest of the id. */
const DRAWN = 256;

/** Makes UUIDv7s that ascend, also within one millisecond: a counter with a random start (RFC 9562, 6.2, method 1). */
export function ascendingIds(now: () => number = Date.now): () => string {
  const pool = new Uint8Array(16 * DRAWN);
  const random = new Uint8Array(16);
  let next = pool.length;
  let msecs = 0;
  let seq = 0;
  return () => {
    if (next === pool.length) {
      crypto.getRandomValues(pool);
      next = 0;
    }
    for (let i = 0; i < 16; i++) random[i] = pool[next++] ?? 0;
    const time = now();
    if (time > msecs) {
      msecs = time;
      // 31 bits, so that the counter has room to grow in.
      seq = new DataView(random.buffer).getUint32(6) >>> 1;
    } else if (++seq > 0xffff_ffff) {
      seq = 0;
      msecs++;
    }
    return v7({ random, msecs, seq });
  };
}
