// Installs the peers into this folder when they are missing or the lockfile is newer.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const PEERS = import.meta.dirname;

export function installPeers() {
  const installed = join(PEERS, 'node_modules', '.package-lock.json');
  const lock = join(PEERS, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: PEERS,
    stdio: ['ignore', 2, 2],
  });
}

/** `[name, version]` of the package at `path` in this folder's `node_modules`. */
export function versionOf(path) {
  const { name, version } = JSON.parse(
    readFileSync(join(PEERS, 'node_modules', path, 'package.json'), 'utf8'),
  );
  return [name, version];
}

/** Of what `npm run bench` compares. */
export const versionsOf = () =>
  Object.fromEntries(
    [
      '@tanstack/offline-transactions',
      '@tanstack/offline-transactions/node_modules/@tanstack/db',
      '@tanstack/react-query',
      '@tanstack/query-persist-client-core',
      '@legendapp/state',
      'rxdb',
      'replicache',
    ].map(versionOf),
  );

/** offline-transactions, react-db and the query collection bring the same @tanstack/db each; they must share one. */
export const peersConfig = {
  resolve: {
    alias: {
      '@tanstack/db': join(PEERS, 'node_modules/@tanstack/offline-transactions/node_modules/@tanstack/db'),
    },
  },
};
