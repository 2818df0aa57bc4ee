/** A position in the feed of one scope. */
export interface Position {
  /** Which life of the database; another epoch has nothing to do with this one. */
  readonly epoch: string;
  /** The last change seen; 0 is before the first. */
  readonly seq: number;
}

/** The cursor a client gets. It must not look inside. */
export function formatCursor({ epoch, seq }: Position): string {
  return `e${epoch}.${seq}`;
}

/** Reads a cursor back; `undefined` when it is not one. */
export function parseCursor(cursor: string): Position | undefined {
  const [, epoch, digits] = /^e([0-9a-f]{1,32})\.(0|[1-9]\d{0,15})$/.exec(cursor) ?? [];
  if (epoch === undefined || digits === undefined) return undefined;
  const seq = Number(digits);
  return Number.isSafeInteger(seq) ? { epoch, seq } : undefined;
}

/** Where a snapshot is to go on. */
export interface SnapshotPosition extends Position {
  /** The last row of the page before. */
  readonly type: string;
  readonly id: string;
}

/** The page token of a snapshot: the cursor taken before its first page, and the last row sent. */
export function formatPageToken({ epoch, seq, type, id }: SnapshotPosition): string {
  return Buffer.from(JSON.stringify([formatCursor({ epoch, seq }), type, id])).toString('base64url');
}

/** Reads a page token back; `undefined` when it is not one. */
export function parsePageToken(token: string): SnapshotPosition | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length !== 3) return undefined;
  const [cursor, type, id] = parts as readonly unknown[];
  if (typeof cursor !== 'string' || typeof type !== 'string' || typeof id !== 'string') return undefined;
  if (type.includes('\0') || id.includes('\0')) return undefined;
  const position = parseCursor(cursor);
  return position && { ...position, type, id };
}
