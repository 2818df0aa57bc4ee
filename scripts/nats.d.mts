export interface NatsServer {
  readonly port: number;
  readonly url: string;
  /** Kills it. */
  stop(): Promise<void>;
}
/** The path of `nats-server`, if there is one. */
export function findNats(env?: NodeJS.ProcessEnv): string | undefined;
export function startNats(options?: { readonly port?: number }): Promise<NatsServer>;
