// A throw-away NATS server for tests.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export function findNats(env = process.env) {
  const dirs = [...(env.PATH ?? '').split(delimiter).filter(Boolean), '/usr/sbin', '/usr/local/sbin'];
  return [env.NATS_BIN, ...dirs.map((dir) => join(dir, 'nats-server'))].filter(Boolean).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export async function startNats({ port = -1 } = {}) {
  const bin = findNats();
  if (!bin)
    throw new Error('nats-server not found (looked at NATS_BIN and PATH); install it or set NATS_BIN');
  // port -1: the server takes a free one and logs it
  const child = spawn(bin, ['-a', '127.0.0.1', '-p', String(port)], { stdio: ['ignore', 'ignore', 'pipe'] });
  // never leave a server behind when the test process dies of an error
  const reap = () => child.kill('SIGKILL');
  process.once('exit', reap);
  const exited = new Promise((resolve) =>
    child.once('exit', () => {
      process.off('exit', reap);
      resolve();
    }),
  );
  let out = '';
  const taken = await new Promise((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      out += chunk;
      if (out.includes('Server is ready'))
        resolve(Number(/client connections on [^\n]*:(\d+)/.exec(out)?.[1] ?? port));
    });
    child.once('exit', (code) => reject(new Error(`nats-server exited with ${code}:\n${out}`)));
    child.once('error', reject);
  });
  return {
    port: taken,
    url: `nats://127.0.0.1:${taken}`,
    stop() {
      child.kill('SIGKILL');
      return exited;
    },
  };
}
