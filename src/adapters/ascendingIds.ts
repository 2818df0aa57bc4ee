/** Drawn ahead: to ask the browser each millisecond takes longer than all else that an id takes. */
const random = new Uint32Array(192);
let drawn = random.length;

function draw(): number {
  if (drawn === random.length) {
    crypto.getRandomValues(random);
    drawn = 0;
  }
  return random[drawn++] as number;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

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
      const at = hex(msecs, 12);
      const a = draw();
      const b = draw();
      head = `${at.slice(0, 8)}-${at.slice(8)}-7${hex(a >>> 20, 3)}-${hex(0x8000 | (b >>> 18), 4)}-${hex(a & 0xffff, 4)}`;
      // Eight decimal digits, which are hexadecimal ones, too: engines print those several times faster.
      count = 10_000_000 + (draw() % 80_000_000);
    }
    // Joined, it is one text at once: a sum of two is put together when it is looked up first, and that takes longer.
    return [head, count].join('');
  };
}
