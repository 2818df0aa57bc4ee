/** Drawn ahead: to ask the browser each millisecond takes longer than all else that an id takes. */
const random = new Uint32Array(256);
let drawn = random.length;

/** One of `count` numbers, from `least` on. */
function draw(least: number, count: number): number {
  if (drawn === random.length) {
    crypto.getRandomValues(random);
    drawn = 0;
  }
  return least + ((random[drawn++] as number) % count);
}

const hex = (value: number): string => value.toString(16);

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
      const at = hex(msecs).padStart(12, '0');
      const parts = [draw(0x7000, 0x1000), draw(0x8000, 0x4000), draw(0x1000, 0xf000)].map(hex);
      head = `${at.slice(0, 8)}-${at.slice(8)}-${parts.join('-')}`;
      // Eight decimal digits, which are hexadecimal ones, too: engines print those several times faster.
      count = draw(10_000_000, 80_000_000);
    }
    // Joined, it is one text at once: a sum of two is put together when it is looked up first, and that takes longer.
    return [head, count].join('');
  };
}
