import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Installs a Debian package, unless the environment variable `optOut` is 0. Returns why there is none all the same. */
export function aptInstall(name, { say, optOut, isThere }) {
  if (process.env[optOut] === '0') return `nothing was installed: ${optOut}=0`;
  if (!existsSync('/usr/bin/apt-get')) return 'there is no apt-get to install it with';
  if (process.getuid?.() !== 0) return 'apt-get was not tried: not root';
  const apt = (...args) =>
    spawnSync('apt-get', ['-qq', ...args], {
      stdio: ['ignore', 2, 2],
      timeout: 300_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  say(`apt-get install -y --no-install-recommends ${name}`);
  apt('update');
  apt('install', '-y', '--no-install-recommends', name);
  return isThere() ? undefined : `\`apt-get install ${name}\` did not give one`;
}
