/** Where the server reports what it cannot tell a client. `console` will do. */
export interface ServerLogger {
  warn(message: string, cause?: unknown): void;
  error(message: string, cause?: unknown): void;
}

/** Says nothing. */
export const silentLogger: ServerLogger = { warn: () => undefined, error: () => undefined };
