// npm test [-- vitest arguments]: installs what is missing (packages, Chromium, PostgreSQL, NATS), runs all tests, and ends
// with the line "N passed, N failed". With arguments (e.g. `--project unit`) only vitest runs, with these.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { binOf, ensurePackages, ROOT } from './ensure-packages.mjs';

const args = process.argv.slice(2);
const cache = join(ROOT, '.cache');

function node(file, ...rest) {
  return spawnSync(process.execPath, [file, ...rest], { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
}

/** The projects asked for, or undefined for all. */
function projectsOf(given) {
  const names = given.flatMap((arg, i) =>
    arg.startsWith('--project=') ? [arg.slice(10)] : arg === '--project' ? [given[i + 1] ?? ''] : [],
  );
  return names.length > 0 ? names : undefined;
}

function ensure(script, projects) {
  const wanted = projectsOf(args);
  const plain = wanted?.every((name) => /^\w+$/.test(name)) ?? false; // patterns may mean any
  if (plain && !projects.some((name) => wanted.includes(name))) return;
  const file = join(ROOT, 'scripts', script);
  if (existsSync(file) && node(file) !== 0) end({ setup: { passed: 0, failed: 1, skipped: 0 } });
}

function vitest(name, ...rest) {
  const counts = join(cache, `${name}-counts.json`);
  rmSync(counts, { force: true });
  const reporters = ['default', 'json', join(ROOT, 'scripts', 'count-reporter.mjs')];
  const { status } = spawnSync(
    process.execPath,
    [
      binOf('vitest'),
      'run',
      ...reporters.map((reporter) => `--reporter=${reporter}`),
      `--outputFile.json=${join(cache, `${name}.json`)}`,
      ...rest,
    ],
    { cwd: ROOT, stdio: 'inherit', env: { ...process.env, HOLDFAST_COUNTS: counts } },
  );
  const projects = existsSync(counts) ? JSON.parse(readFileSync(counts, 'utf8')) : {};
  const failed = Object.values(projects).some((project) => project.failed > 0);
  // vitest itself failed: it did not start, or it found something that is no test's failure
  if (status !== 0 && !failed)
    projects[`${name} (exit code ${status})`] = { passed: 0, failed: 1, skipped: 0 };
  return projects;
}

function end(projects) {
  const total = { passed: 0, failed: 0 };
  console.log('');
  for (const [name, { passed, failed, skipped }] of Object.entries(projects)) {
    total.passed += passed;
    total.failed += failed;
    console.log(`${name}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  }
  if (total.passed + total.failed === 0) {
    console.log('No test ran.');
    total.failed = 1;
  }
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exit(total.failed > 0 ? 1 : 0);
}

ensurePackages();
mkdirSync(cache, { recursive: true });
ensure('ensure-chrome.mjs', ['browser', 'storybook', 'e2e']);
ensure('ensure-postgres.mjs', ['server', 'e2e']);
ensure('ensure-nats.mjs', ['server']);
const projects = vitest('tests', ...args);
if (args.length === 0) {
  const { all, ...rest } = vitest('types', '-c', 'vitest.types.config.ts');
  Object.assign(projects, rest, all && { types: all });
}
end(projects);
