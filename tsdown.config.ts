import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    core: 'src/core.ts',
    dexie: 'src/dexie.ts',
    server: 'src/server.ts',
    nats: 'src/nats.ts',
    testing: 'src/testing.ts',
  },
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  tsconfig: 'tsconfig.lib.json',
  // One output file per source file: with "sideEffects": false a consumer pays only for what it imports.
  unbundle: true,
  // Syntactic declarations; every export is annotated (isolatedDeclarations).
  dts: { oxc: true, sourcemap: true },
  // Fail when a dependency would be bundled.
  deps: { onlyBundle: [], neverBundle: [/^node:/] },
  sourcemap: true,
  clean: true,
  fixedExtension: false,
});
