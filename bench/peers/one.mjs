// One library in one scenario, in a process and on a device of its own; prints JSON.
//   node one.mjs                                                             what there is
//   node one.mjs <file in subjects/> <which of its subjects> <which scenario>    a cell
import './browser.mjs';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createDevice, scenarios } from './scenarios.mjs';

const { log } = console;
console.log = console.info = console.debug = () => undefined; // some libraries talk
if (process.env.PEERS_VERBOSE === undefined) console.warn = console.error = () => undefined;
process.on('unhandledRejection', (error) => console.error('unhandled', error)); // a refusal nobody waits for

const subjectsIn = async (file) => (await import(`./subjects/${file}`)).default;
const [file, which, scenario] = process.argv.slice(2);
log(JSON.stringify(await (file === undefined ? list() : observe())));
process.exit(0);

async function observe() {
  const subjects = await subjectsIn(file);
  return scenarios[scenario].run(createDevice(subjects[which]));
}

async function list() {
  const subjects = [];
  for (const file of readdirSync(join(import.meta.dirname, 'subjects')))
    subjects.push(...(await subjectsIn(file)).map((subject, which) => ({ file, which, ...subject })));
  return { scenarios, subjects };
}
