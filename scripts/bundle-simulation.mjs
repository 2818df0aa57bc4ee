import { resolve } from 'node:path';
import { build } from 'vite';

const root = resolve(import.meta.dirname, '..');

/**
 * Bundles test/simulation/main.ts for Node, with `patches` planted in it, and returns the bundle's path.
 * A patch is `{file, find, replace}`; one that no longer matches exactly once is an error, or a mutant would pass for
 * one that survived.
 */
export async function bundleSimulation(name = 'simulation', patches = []) {
  const planted = new Set();
  const outDir = resolve(root, '.cache/simulation', name);
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'plant',
        enforce: 'pre',
        transform(code, id) {
          let mutated = code;
          for (const patch of patches) {
            if (resolve(root, patch.file) !== id) continue;
            const found = mutated.split(patch.find).length - 1;
            if (found !== 1)
              throw new Error(
                `${name}: "${patch.find}" is ${found} times in ${patch.file}; update the mutant.`,
              );
            mutated = mutated.replace(patch.find, () => patch.replace);
            planted.add(patch);
          }
          return mutated === code ? undefined : { code: mutated, map: null };
        },
      },
    ],
    build: {
      ssr: resolve(root, 'test/simulation/main.ts'),
      outDir,
      emptyOutDir: true,
      minify: false,
      sourcemap: patches.length === 0 ? 'inline' : false,
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: 'main.mjs' } },
    },
  });
  for (const patch of patches)
    if (!planted.has(patch)) throw new Error(`${name}: ${patch.file} is not part of the simulation.`);
  return resolve(outDir, 'main.mjs');
}
