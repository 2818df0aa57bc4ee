// What an app pays for each: minified, gzip, React left out, all that the subject of this bench imports.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { peersConfig, PEERS } from './peers/install.mjs';
import { bundle } from './servePage.mjs';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '..');
const CORE = '{ createSyncClient, httpTransport, memoryStorage, defineCollection, defineMutation }';

const OURS = [
  {
    name: 'dexie, zustand and immer',
    code: "export * from 'dexie'; export * from 'zustand/vanilla'; export * from 'immer';",
  },
  { name: 'Holdfast, everything in `holdfast`', code: `export * from '${ROOT}/src/index.ts';`, target: 55 },
  { name: 'Holdfast, everything in `holdfast/core`', code: `export * from '${ROOT}/src/core.ts';` },
  {
    name: 'Holdfast, `holdfast/core` as an app uses it',
    code: `export ${CORE} from '${ROOT}/src/core.ts';`,
    target: 20,
  },
];
const THEIRS = [
  ['TanStack DB + offline-transactions', 'tanstack-db'],
  ['TanStack Query persisted', 'tanstack-query'],
  ['Legend-State', 'legend-state'],
  ['RxDB', 'rxdb'],
  ['Replicache', 'replicache'],
];

export async function sizes() {
  const folder = await mkdtemp(join(HERE, '../.cache/sizes-'));
  try {
    const all = [];
    for (const { name, code, target } of OURS) {
      const entry = join(folder, `${all.length}.ts`);
      await writeFile(entry, code);
      all.push({ name, kB: weigh(await bundle(entry)), ...(target && { target }) });
    }
    for (const [name, file] of THEIRS)
      all.push({ name, kB: weigh(await bundle(join(PEERS, 'page', `${file}.mjs`), peersConfig)) });
    return all;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const weigh = (code) => gzipSync(code, { level: 9 }).length / 1000;
