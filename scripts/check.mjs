// npm run check: everything but the tests. All steps run even if one fails; ends with "N passed, N failed".
import { spawnSync } from 'node:child_process';
import { binOf, ensurePackages, ROOT } from './ensure-packages.mjs';

ensurePackages();
const STEPS = [
  ['eslint', binOf('eslint'), '.'],
  ['prettier', binOf('prettier'), '--check', '.'],
  ['types', binOf('typescript', 'tsc'), '-p', 'tsconfig.json'],
  ['types without Node', binOf('typescript', 'tsc'), '-p', 'tsconfig.browser.json'],
  ['build', binOf('tsdown')],
  ['publint', binOf('publint')],
  ['attw', binOf('@arethetypeswrong/cli', 'attw'), '--pack', '.', '--profile', 'esm-only'],
  ['knip', binOf('knip')],
  ['size', binOf('size-limit')],
  ['rules', 'scripts/rules.mjs'],
];
const SHOWN = ['size', 'rules']; // worth reading also when they pass

const failed = [];
for (const [name, ...command] of STEPS) {
  const begun = performance.now();
  const { status, stdout, stderr, error } = spawnSync(process.execPath, command, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const ok = status === 0;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (!ok) failed.push(name);
  if (!ok || SHOWN.includes(name))
    console.log(indent([error?.message, stdout, stderr].filter(Boolean).join('\n')));
}
if (failed.length > 0) console.log(`Failed: ${failed.join(', ')}`);
console.log(`${STEPS.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);

function indent(text) {
  return text.trimEnd().replace(/^/gm, '    ');
}
