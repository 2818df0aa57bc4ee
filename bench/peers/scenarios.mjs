// What every library is put through. A cell is what was seen; `right` says whether that is right.
import { crash, pass, setOnline, settle } from './browser.mjs';
import { createServer } from './server.mjs';

const MINUTES = 60_000;

/** One device with its server. `open` starts a process on its storage. */
export function createDevice(subject) {
  const server = createServer();
  let close = () => undefined;
  return {
    server,
    async open() {
      const line = server.connect();
      const app = subject.open(line);
      close = () => {
        crash();
        line.cut();
        app.close?.();
      };
      await settle();
      await app.ready;
      await pass(2000);
      return app;
    },
    crash: () => close(),
    setOnline(online) {
      server.offline = !online;
      setOnline(online);
    },
  };
}

/** Makes each change while those before are in flight, then has them decided in order: what is shown after each. */
async function decide(device, changes, decisions, show, right) {
  const app = await device.open();
  for (const change of changes) {
    app.change(change);
    await settle();
  }
  const shown = [];
  for (const [field, decision] of decisions) {
    if (!device.server[decision](field)) return { seen: `${field} was never sent`, right: false };
    await settle();
    shown.push(show(app.row()));
  }
  await pass(5000); // whatever it reads again
  shown.push(show(app.row()));
  const seen = shown.filter((value, i) => value !== shown[i - 1]).join(' → ');
  const truth = show(device.server.row);
  if (truth !== shown.at(-1)) return { seen: `${seen}; the server has ${truth}`, right: false };
  return { seen, right: shown.every((value, i) => value === right[i]) };
}

const titleAndDone = ({ title, done }) => `${title}, ${done}`;

export const scenarios = [
  {
    name: 'other field: first refused',
    needs: 'rollback',
    about:
      'A sets title; B sets done while A is in flight. A is refused, then B accepted. What is shown after each.',
    right: 'base, true',
    run: (device) =>
      decide(
        device,
        [{ title: 'A' }, { done: true }],
        [
          ['title', 'refuse'],
          ['done', 'accept'],
        ],
        titleAndDone,
        ['base, true', 'base, true', 'base, true'],
      ),
  },
  {
    name: 'same field: both refused',
    needs: 'rollback',
    about:
      'A sets title; B sets title while A is in flight. A is refused, then B too. What is shown after each.',
    right: 'B → base',
    run: (device) =>
      decide(
        device,
        [{ title: 'A' }, { title: 'B' }],
        [
          ['title', 'refuse'],
          ['title', 'refuse'],
        ],
        (row) => row.title,
        ['B', 'base', 'base'],
      ),
  },
  {
    name: 'n + 1 twice: first refused',
    needs: 'increment',
    about: 'A and B add 1 to n (base 0). A is refused, then B accepted. What is shown after each.',
    right: '1',
    run: (device) =>
      decide(
        device,
        [{ increment: 1 }, { increment: 1 }],
        [
          ['increment', 'refuse'],
          ['increment', 'accept'],
        ],
        (row) => `${row.n}`,
        ['1', '1', '1'],
      ),
  },
  {
    name: 'edited offline, reloaded 10 s later',
    needs: 'reload',
    about:
      'Title, then done is set offline. The process ends 10 s later, and starts again offline on the same storage; then the network comes back. Whether both are shown before, and with the server after.',
    right: 'shown, sent',
    run: (device) => reload(device, 10_000),
  },
  {
    name: 'edited offline, reloaded at once',
    needs: 'reload',
    about: 'As before, but the process ends 40 ms after the second edit.',
    right: 'shown, sent',
    run: (device) => reload(device, 0),
  },
  {
    name: '503, Retry-After: 60',
    needs: 'retry',
    about: 'The server answers 503 with Retry-After: 60. When the next attempt is made.',
    right: 'not before 60 s',
    async run({ open, server }) {
      const app = await open();
      app.change({ title: 'mine' });
      await settle();
      server.busy('title', 60);
      const at = Date.now();
      server.auto = true;
      await pass(10 * MINUTES);
      const next = server.writes[1];
      if (next === undefined)
        return { seen: `never sent again; shows ${app.row?.().title ?? 'nothing'}`, right: false };
      const seconds = (next.at - at) / 1000;
      return { seen: `after ${seconds.toFixed(1)} s`, right: seconds >= 60 };
    },
  },
  {
    name: 'answer lost: effects',
    needs: 'effect',
    about:
      'The server adds 1, and the answer is lost. How often it was added in the end, with a server that knows Idempotency-Key. Only keys the library makes count.',
    right: '1',
    async run({ open, server }) {
      const app = await open();
      app.change({ increment: 1 });
      await settle();
      server.lose('increment');
      server.auto = true;
      await pass(10 * MINUTES);
      const keys = server.writes.flatMap((write) => write.keys);
      const same = new Set(keys).size === 1 ? 'with the same key' : 'with another key';
      const again = keys[1] === undefined ? 'without a key' : same;
      return {
        seen: `${server.row.n} (${keys.length === 1 ? 'not sent again' : `sent again ${again}`})`,
        right: server.row.n === 1,
      };
    },
  },
  {
    name: '50 edits offline: requests',
    needs: 'batch',
    about: 'The title is set 50 times offline. Requests on reconnect.',
    right: undefined,
    async run(device) {
      const app = await device.open();
      device.setOnline(false);
      await settle();
      for (let i = 1; i <= 50; i++) {
        app.change({ title: `edit ${i}` });
        await settle();
      }
      device.server.auto = true;
      device.setOnline(true);
      await pass(10 * MINUTES);
      const { title } = device.server.row;
      const seen = `${device.server.writes.length}`;
      return title === 'edit 50' ? { seen } : { seen: `${seen}; the server has ${title}`, right: false };
    },
  },
];

async function reload(device, afterMs) {
  const before = await device.open();
  device.setOnline(false);
  await settle();
  before.change({ title: 'mine' });
  await settle();
  before.change({ done: true });
  await settle();
  if (afterMs > 0) await pass(afterMs);
  device.crash();
  const app = await device.open();
  const row = app.row?.();
  const shown = app.row === undefined ? 'no state' : found(row, 'shown', 'not shown');
  device.server.auto = true;
  device.setOnline(true);
  await pass(10 * MINUTES);
  const seen = `${shown}, ${found(device.server.row, 'sent', 'never sent')}`;
  return { seen, right: ['shown, sent', 'no state, sent'].includes(seen) };
}

/** Whether both edits are there. */
function found(row, yes, no) {
  const both = [row?.title === 'mine', row?.done === true];
  if (both[0] === both[1]) return both[0] ? yes : no;
  return `${yes}: only the ${both[0] ? 'first' : 'second'}`;
}
