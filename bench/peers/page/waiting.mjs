import { storedTitles } from '../../page/readBack.ts';
import { numberOf } from '../../page/tasks.ts';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Looks every `ms` milliseconds, or less often where looking takes longer than that. */
export async function until(holds, ms = 5) {
  for (;;) {
    const begun = performance.now();
    if (await holds()) return;
    await pause(Math.max(ms, performance.now() - begun));
  }
}

/** For libraries that do not say when an edit is stored: looks into IndexedDB until the last title of every row is there. */
export function watchStorage(name) {
  const titles = new Map();
  return {
    edited: (id, fields) => fields.title !== undefined && titles.set(id, Number(/\d+$/.exec(fields.title))),
    stored: () =>
      until(async () => {
        if (titles.size === 0) return true;
        const found = await storedTitles(name);
        return [...titles.values()].every((n) => found.has(n));
      }, 20),
  };
}

export const byNumber = (a, b) => numberOf(a.id) - numberOf(b.id);
