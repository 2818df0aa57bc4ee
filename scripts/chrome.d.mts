import type { LaunchOptions } from 'playwright';
export interface FoundChrome {
  readonly path: string;
  readonly from: 'CHROME_PATH' | 'PATH' | 'system' | 'playwright';
}
export function findChrome(env?: NodeJS.ProcessEnv): FoundChrome | undefined;
export const CHROME_ARGS: readonly string[];
export function noSandbox(env?: NodeJS.ProcessEnv): boolean;
export function chromeLaunchOptions(env?: NodeJS.ProcessEnv): LaunchOptions;
