export interface PostgresCluster {
  /** Superuser, no password. */
  readonly url: string;
  readonly port: number;
  readonly data: string;
  readonly pid: number | undefined;
  /** Stops the server (fast shutdown unless told otherwise) and removes its files. */
  stop(options?: { readonly keep?: boolean; readonly signal?: NodeJS.Signals }): Promise<void>;
  /** Immediate shutdown: recovery at the next start. */
  crash(): Promise<void>;
}
/** The folder with `initdb` and `postgres`, if there is one. */
export function findPgBin(env?: NodeJS.ProcessEnv): string | undefined;
export function startPostgres(options?: {
  readonly fsync?: boolean;
  readonly dir?: string;
}): Promise<PostgresCluster>;
