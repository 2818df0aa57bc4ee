// Which rules of docs/SPEC.md have a test whose name begins with their id, and which have none.
//   node scripts/rules.mjs [--strict ST1-ST8,OB1]   fails when one of these has none
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './ensure-packages.mjs';

const { values } = parseArgs({ options: { strict: { type: 'string' } } });
const spec = readFileSync(join(ROOT, 'docs', 'SPEC.md'), 'utf8');
const rules = [...spec.matchAll(/^- ([A-Z]{2}\d+) (.*)$/gm)].map(([, id, text]) => ({ id, text, tests: 0 }));
const byId = new Map(rules.map((rule) => [rule.id, rule]));

for (const folder of ['test', 'stories']) {
  for (const path of readdirSync(join(ROOT, folder), { recursive: true })) {
    if (!/\.(ts|tsx|mjs)$/.test(path)) continue;
    const source = readFileSync(join(ROOT, folder, path), 'utf8');
    // a quote, one or more ids ("ST1, ST2 …", "ST1 ST2 …", "ST1/ST2 …"), then the rest of the name
    for (const [, ids] of source.matchAll(/['"`]((?:[A-Z]{2}\d+[ ,/]+)*[A-Z]{2}\d+)(?=[ :,'"`])/g))
      for (const id of ids.match(/[A-Z]{2}\d+/g)) if (byId.has(id)) byId.get(id).tests++;
  }
}

const missing = rules.filter(({ tests }) => tests === 0);
for (const family of new Set(rules.map(({ id }) => id.slice(0, 2)))) {
  const members = rules.filter(({ id }) => id.startsWith(family));
  const line = members.map(({ id, tests }) => (tests > 0 ? `${id}:${tests}` : `${id}:–`)).join(' ');
  console.log(`${family}  ${line}`);
}
console.log(`${rules.length - missing.length} of ${rules.length} rules have a test named by them.`);
for (const { id, text } of missing) console.log(`  without: ${id} ${text.slice(0, 90)}`);

const strict = idsOf(values.strict ?? '');
const unknown = strict.filter((id) => !byId.has(id));
const untested = strict.filter((id) => byId.get(id)?.tests === 0);
if (unknown.length > 0) console.log(`Not in docs/SPEC.md: ${unknown.join(', ')}`);
if (untested.length > 0) console.log(`Required, and without a test: ${untested.join(', ')}`);
process.exit(unknown.length + untested.length > 0 ? 1 : 0);

/** `ST1-ST3,OB1` → ST1, ST2, ST3, OB1 */
function idsOf(list) {
  return list.split(',').flatMap((part) => {
    const [, family, from, to = from] = /^([A-Z]{2})(\d+)(?:-\1(\d+))?$/.exec(part.trim()) ?? [];
    if (family === undefined) return part.trim() === '' ? [] : [part.trim()];
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => family + (Number(from) + i));
  });
}
