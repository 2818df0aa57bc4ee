import type { Random } from '../engine/ports.js';

/**
 * The same numbers for the same seed, on every machine. Not for secrets.
 * Source: mulberry32, Tommy Ettinger, public domain.
 * @example
 * const random = seededRandom(42)
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
