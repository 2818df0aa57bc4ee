// A throw-away PostgreSQL cluster for tests. Works as root (PostgreSQL itself refuses to run as root,
// so the server is run as the "postgres" user) and as an ordinary user.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export function findPgBin(env = process.env) {
  const dirs = [env.PG_BIN, ...(env.PATH ?? '').split(delimiter)].filter(Boolean);
  const base = '/usr/lib/postgresql';
  if (existsSync(base))
    dirs.push(
      ...readdirSync(base)
        .sort((a, b) => Number(b) - Number(a))
        .map((v) => join(base, v, 'bin')),
    );
  dirs.push('/opt/homebrew/opt/postgresql/bin', '/usr/local/pgsql/bin');
  return dirs.find((d) => existsSync(join(d, 'initdb')) && existsSync(join(d, 'postgres')));
}

const freePort = () =>
  new Promise((resolve, reject) => {
    const s = createServer().once('error', reject);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });

export async function startPostgres({ fsync = false, dir } = {}) {
  const bin = findPgBin();
  if (!bin)
    throw new Error(
      'PostgreSQL not found (looked at PG_BIN, PATH and /usr/lib/postgresql/*/bin); install postgresql or set PG_BIN',
    );
  const root = process.getuid?.() === 0;
  let ids = {};
  if (root) {
    const uid = Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }));
    const gid = Number(execFileSync('id', ['-g', 'postgres'], { encoding: 'utf8' }));
    ids = { uid, gid };
  }
  const data = dir ?? mkdtempSync(join(tmpdir(), 'holdfast-pg-'));
  if (root) chownSync(data, ids.uid, ids.gid);
  const opt = { ...ids, cwd: data, env: { ...process.env, LC_ALL: 'C', HOME: data } };
  if (!existsSync(join(data, 'PG_VERSION'))) {
    const r = spawnSync(
      join(bin, 'initdb'),
      [
        '-D',
        data,
        '-U',
        'postgres',
        '-A',
        'trust',
        '-E',
        'UTF8',
        '--no-locale',
        '--no-sync',
        '--no-instructions',
      ],
      { ...opt, encoding: 'utf8' },
    );
    if (r.status !== 0) throw new Error(`initdb failed: ${r.error ?? r.stderr}`);
  }
  const port = await freePort();
  const child = spawn(
    join(bin, 'postgres'),
    [
      '-D',
      data,
      '-p',
      String(port),
      '-k',
      data,
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      `fsync=${fsync ? 'on' : 'off'}`,
      '-c',
      'max_connections=50',
      '-c',
      'shared_buffers=32MB',
    ],
    { ...opt, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  // never leave a server behind when the test process dies of an error
  const reap = () => child.kill('SIGQUIT');
  process.once('exit', reap);
  child.once('exit', () => process.off('exit', reap));
  let out = '';
  await new Promise((resolve, reject) => {
    child.stderr.on('data', (d) => {
      out += d;
      if (out.includes('ready to accept connections')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`postgres exited with ${code}:\n${out}`)));
    child.once('error', reject);
  });
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const exited = new Promise((r) => child.once('exit', r));
  return {
    url,
    port,
    data,
    pid: child.pid,
    async stop({ keep = false, signal = 'SIGINT' } = {}) {
      child.kill(signal); // SIGINT: fast shutdown
      await exited;
      if (!keep) rmSync(data, { recursive: true, force: true });
    },
    crash() {
      child.kill('SIGQUIT');
      return exited;
    }, // immediate shutdown, recovery at the next start
  };
}
