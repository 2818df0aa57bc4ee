// Builds pages as an app would be built, and serves them.
import { join } from 'node:path';
import { build, preview } from 'vite';
import { PEERS, peersConfig } from './peers/install.mjs';

export const OUT = join(import.meta.dirname, '../.cache/bench');

// Without these a page's clock has 100 µs steps; with them 5 µs.
const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const common = {
  configFile: false,
  logLevel: 'error',
  mode: 'production',
  define: { 'process.env.NODE_ENV': '"production"' },
  resolve: { dedupe: ['react', 'react-dom'] }, // one React for ours and theirs
};

/** Serves our page at `ours` and, if asked for, the peers' at `peers`. `readable`: names are kept, for a profile. */
export async function servePages({ peers, readable }) {
  await buildPage('ours', join(import.meta.dirname, 'page'), { readable });
  if (peers) await buildPage('peers', join(PEERS, 'page'), { readable, ...peersConfig });
  const server = await preview({
    ...common,
    root: OUT,
    build: { outDir: OUT },
    preview: { port: 0, host: '127.0.0.1', headers: ISOLATED },
    appType: 'mpa',
  });
  const url = `http://127.0.0.1:${server.httpServer.address().port}`;
  return { ours: `${url}/ours/`, peers: `${url}/peers/`, close: () => server.close() };
}

/** Builds a page to be served from `OUT`, below its name. */
export async function buildPage(name, root, { readable, resolve }) {
  process.env.NODE_ENV = 'production';
  await build({
    ...common,
    root,
    base: `/${name}/`,
    resolve: { ...common.resolve, ...resolve },
    build: {
      outDir: join(OUT, name),
      emptyOutDir: true,
      minify: !readable,
      sourcemap: readable,
      chunkSizeWarningLimit: Infinity,
    },
  });
}

/** What a file and everything it imports weighs, minified, without React: the code itself. */
export async function bundle(entry, { resolve } = {}) {
  const { output } = await build({
    ...common,
    root: join(import.meta.dirname, '..'),
    resolve: { ...common.resolve, ...resolve },
    build: {
      write: false,
      minify: true,
      rolldownOptions: {
        input: entry,
        preserveEntrySignatures: 'strict',
        external: [/^react($|\/)/, /^react-dom($|\/)/],
        output: { codeSplitting: false },
      },
    },
  });
  return output.map((chunk) => chunk.code ?? '').join('');
}
