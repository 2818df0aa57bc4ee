import { createBrowser, dispose, type Browser } from './browser.js';
import { checkEnd, checkNewcomer, unrest } from './checkEnd.js';
import { checkTab } from './checkTab.js';
import { discard, firstRows, resolve, retry } from './perform.js';
import type { Plan } from './plan.js';
import { Violation } from './report.js';
import { take } from './take.js';
import { createWorld, type World } from './world.js';

/*
The invariants of docs/SPEC.md, and where a history checks them.

| invariant                | checked                                                              | in            |
| ------------------------ | -------------------------------------------------------------------- | ------------- |
| 1 nothing accepted lost  | at every commit, at every event, in the end                          | checkCommit, checkTab, checkEnd |
| 2 exactly one effect     | at every effect on the server, in the end                            | truth, checkEnd |
| 3 lane order, parents    | at every effect on the server, against the order of the storage      | truth         |
| 4 all equal when quiet   | every tab, a new client, the server; in histories with pulls         | checkEnd      |
| 5 view = fold, no flicker| after every turn, in every notification, at every commit             | checkTab, checkCommit |
| 6 nothing goes back      | versions, contents, cursor at every commit; who wrote last (CF2)     | checkCommit, checkAudit |
| 7 no revert without word | after every turn                                                     | checkTab      |
| 8 settled once           | events, promises, both alike, no unhandled rejection                 | tab, perform, checkTab |
| 9 liveness               | after every turn without pulls; drained in bounded time with them    | checkTab, checkEnd |
| 10 sealed is frozen      | at every send and every commit                                       | truth, checkCommit |
| 11 one user's work       | at every send: nothing of another device; accounts: not yet          | truth         |
| 12 bounded effort        | requests a minute, turns an instant, what is left after dispose      | effort, world, checkEnd |
| 13 groups stay whole     | at every commit: what was written as one comes as one; view = fold   | checkRows, checkTab |
| 14 the feed is causal    | on real databases: test/server; here 4 and 6 see a feed with gaps    |               |
| 15 status                | after every turn, against what the storage said                      | checkTab      |
| 16 floors, breaker, lease| at every send                                                        | effort, ownBreaker |

Known limits: decision 0012. In liveness mode only one tab and the server heal, and nobody writes, reloads or is told.
*/

export interface Failed {
  readonly invariant: number;
  readonly message: string;
  readonly trace: readonly string[];
}

/** How long everything may take once the faults are over, in virtual milliseconds. */
const QUIET_WITHIN = 240_000;
/** Longer than any request, backoff or poll: what is to come late, comes. */
const AFTERMATH = 25_000;

/**
 * Runs one history: chaos, healing, quiet, and the checks of the end. Resolves to what went wrong.
 * @param tally called with the invariants that were at stake
 */
export async function runHistory(
  plan: Plan,
  tally: (staked: ReadonlySet<number>) => void = () => undefined,
): Promise<Failed | undefined> {
  const { violation, trace, staked } = await traceHistory(plan);
  tally(staked);
  return violation && { ...violation, trace };
}

/** The same, with the last things that happened whether it failed or not. */
export async function traceHistory(plan: Plan): Promise<{
  readonly violation: Omit<Failed, 'trace'> | undefined;
  readonly trace: readonly string[];
  readonly staked: ReadonlySet<number>;
}> {
  const world = createWorld(plan, () => {
    for (const { device, all } of browsers) for (const tab of all) checkTab(device, tab);
  });
  const browsers = world.devices.map(createBrowser);
  const { report } = world;
  const unhandled = (error: unknown): void =>
    report.fail(
      8,
      `a rejection nobody handles: ${error instanceof Error ? (error.stack ?? '') : String(error)}`,
    );
  process.on('unhandledRejection', unhandled);
  try {
    await live(world, browsers);
    return { violation: undefined, trace: report.trace(), staked: report.staked };
  } catch (error) {
    if (!(error instanceof Violation))
      report.note('threw', error instanceof Error ? error.stack : String(error));
    const invariant = error instanceof Violation ? error.invariant : 0;
    const message = error instanceof Error ? error.message : String(error);
    return { violation: { invariant, message }, trace: report.trace(), staked: report.staked };
  } finally {
    process.off('unhandledRejection', unhandled);
  }
}

async function live(world: World, browsers: readonly Browser[]): Promise<void> {
  const { plan, clock, gateway } = world;
  for (const change of firstRows) gateway.elsewhere({ changes: [change], command: undefined });
  for (const browser of browsers) for (let i = 0; i < browser.device.plan.tabs; i++) browser.open(i);
  for (const step of plan.steps) {
    await clock.advance(step.after);
    take(world, browsers, step);
    for (const browser of browsers) browser.reopenDead(1_500);
  }
  await clock.advance(1_000);
  world.report.note('heals');
  world.heal();
  gateway.heal();
  for (const browser of browsers) browser.heal();
  await quiesce(world, browsers);
  await clock.advance(AFTERMATH);
  complain(world, browsers, 'after it had been quiet');
  const healthy = browsers.filter((browser) => browser.healthy().length > 0);
  for (const browser of healthy) checkEnd(browser.device, browser.healthy());
  if (plan.pull) await checkNewcomer(world);
  const tabs = browsers.flatMap((browser) => browser.healthy());
  for (const { device, healthy } of browsers) for (const tab of healthy()) dispose(device, tab);
  await clock.advance(2_000);
  for (const tab of tabs) if (tab.phase !== 'disposed') world.report.fail(12, `${tab.name} is not disposed`);
  await clock.advance(0);
}

async function quiesce(world: World, browsers: readonly Browser[]): Promise<void> {
  const { clock } = world;
  const until = clock.monotonic() + QUIET_WITHIN;
  while (clock.monotonic() < until) {
    await clock.advance(500);
    for (const browser of browsers) browser.reopenDead();
    const isTidied = !world.plan.liveness && browsers.map(tidyUp).includes(true);
    if (isTidied) continue; // what comes of it, comes first
    if (unrestIn(browsers) === undefined) return;
  }
  complain(world, browsers, `${QUIET_WITHIN / 1000} s after the healing`);
  await clock.advance(0); // throws it
}

/** The user does something about what waits for it, if anything does: what is held would wait for ever. */
function tidyUp(browser: Browser): boolean {
  const { device } = browser;
  const tab = browser.running(0);
  const [conflict] = tab?.client.conflicts() ?? [];
  if (tab !== undefined && conflict !== undefined) {
    const how = (['mine', 'theirs', 'fields'] as const)[
      Math.floor(device.random(`user ${conflict.id}`)() * 3)
    ];
    resolve(device, tab, 0, how ?? 'mine');
    return true;
  }
  const letters = tab?.client.deadLetters() ?? [];
  const at = letters.findIndex((letter) => letter.needsAttention);
  const letter = letters[at];
  if (tab === undefined || letter === undefined) return false;
  if (letter.history.length > 1 || device.random(`user ${letter.token}`)() < 0.4) discard(device, tab, at);
  else retry(device, tab, at, true);
  return true;
}

type Unrest = ReturnType<typeof unrest>;

function unrestIn(browsers: readonly Browser[]): Unrest {
  for (const browser of browsers) {
    const why = browser.healthy().length > 0 ? unrest(browser.device, browser) : undefined;
    if (why !== undefined) return why;
  }
  return undefined;
}

function complain(world: World, browsers: readonly Browser[], when: string): void {
  const why = unrestIn(browsers);
  if (why !== undefined) world.report.fail(why.invariant, `${why.message}, ${when}`);
}
