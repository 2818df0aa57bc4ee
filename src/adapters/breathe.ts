/** Those that wait, in order: each has a task of its own. */
const waiting: (() => void)[] = [];
let port: MessagePort | undefined;

/** Lets whatever waits have its turn: unlike a timer's, the wait is never rounded up to milliseconds. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    askForTask();
  });
}

/** Ends all waits now: of a page that is hidden or left, the tasks may never come. */
export function hurry(): void {
  for (const resolve of waiting.splice(0)) resolve();
}

const next = (): void => waiting.shift()?.();

/** Where there is no page: in Node, an open port would keep the process from its end. */
const { setImmediate: immediate } = globalThis as { readonly setImmediate?: (run: () => void) => unknown };

function askForTask(): void {
  if (immediate !== undefined) immediate(next);
  else (port ??= open()).postMessage(undefined);
}

/** One for all: a channel of its own costs more than most of what waits does then. */
function open(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = next;
  return port2;
}
