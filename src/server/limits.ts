/** Bounds of what one request may ask for, and of how many there may be. */
export interface ServerLimits {
  /** Ops per batch, and changes per group. @default 500 */
  readonly maxBatch: number;
  /** Bytes of a request body, after decompression. @default 1048576 */
  readonly maxBytes: number;
  /** Nesting of one op as sent, the op itself being level 1. @default 32 */
  readonly maxDepth: number;
  /** Characters of an entity id and of an op token. @default 256 */
  readonly maxIdLength: number;
  /** Characters of an entity type, a command name and a client id. @default 128 */
  readonly maxNameLength: number;
  /** Requests that need the database, under way at once; more are answered 503. @default 100 */
  readonly maxRequests: number;
  /** Streams, sockets and long polls open at once; more are answered 503. @default 10000 */
  readonly maxWaiting: number;
  /** Of each of these two, how many one subject may have; more are answered 429. Needs `authenticate`. @default 20 */
  readonly maxPerSubject: number;
}

/** The limits of a server that names none. */
export const DEFAULT_LIMITS: ServerLimits = {
  maxBatch: 500,
  maxBytes: 1024 * 1024,
  maxDepth: 32,
  maxIdLength: 256,
  maxNameLength: 128,
  maxRequests: 100,
  maxWaiting: 10_000,
  maxPerSubject: 20,
};

// A primary key (tenant, type, id) must fit a B-tree entry (2704 bytes): four bytes per character at most.
const LARGEST: Readonly<Record<keyof ServerLimits, number>> = {
  maxBatch: 10_000,
  maxBytes: 64 * 1024 * 1024,
  maxDepth: 200,
  maxIdLength: 400,
  maxNameLength: 200,
  maxRequests: 1_000_000,
  maxWaiting: 1_000_000,
  maxPerSubject: 1_000_000,
};

/** Fills in the defaults. @throws RangeError naming the limit and what was received. */
export function checkLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, largest] of Object.entries(LARGEST)) {
    const value = limits[name as keyof ServerLimits];
    if (!Number.isInteger(value) || value < 1 || value > largest)
      throw new RangeError(`limits.${name} must be a whole number from 1 to ${largest}; received ${value}`);
  }
  return limits;
}
