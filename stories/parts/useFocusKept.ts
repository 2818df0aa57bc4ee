import { useLayoutEffect, useRef, type FocusEvent, type RefObject } from 'react';

interface FocusKept {
  readonly onFocus: (event: FocusEvent) => void;
  readonly onBlur: (event: FocusEvent) => void;
}

/**
 * When the entry with the focus leaves, the focus goes to the entry in its place, or the last; else to what is marked
 * `data-focus` outside of any. When it comes back before the user has gone elsewhere, so does the focus. An entry is
 * marked `data-entry={key}`, and what of it takes the focus `data-focus`.
 * @param within holds all entries, and whatever is to have the focus when none is left
 */
export function useFocusKept(within: RefObject<HTMLElement | null>, keys: readonly string[]): FocusKept {
  const focused = useRef<string>(undefined);
  const former = useRef(keys);
  const moved = useRef<{ readonly from: string; readonly to: Element | null }>(undefined);
  useLayoutEffect(() => {
    const before = former.current;
    former.current = keys;
    const focus = (key: string | undefined): void => {
      const entry = key === undefined ? within.current : entryOf(within.current, key);
      entry?.querySelector<HTMLElement>('[data-focus]')?.focus();
    };
    const { from, to } = moved.current ?? {};
    if (from !== undefined && keys.includes(from)) {
      moved.current = undefined;
      if (document.activeElement === to) focus(from);
    }
    const gone = focused.current;
    if (gone === undefined || keys.includes(gone)) return;
    focused.current = undefined;
    if (document.activeElement !== null && document.activeElement !== document.body) return;
    const at = before.indexOf(gone);
    focus([...before.slice(at + 1), ...before.slice(0, at).reverse()].find((key) => keys.includes(key)));
    moved.current = { from: gone, to: document.activeElement };
  }, [within, keys]);
  return {
    onFocus(event) {
      focused.current = event.target.closest<HTMLElement>('[data-entry]')?.dataset['entry'];
    },
    onBlur() {
      // Of an element that is taken away React tells nothing; a page that is left comes back to where it was.
      if (document.hasFocus()) focused.current = undefined;
    },
  };
}

function entryOf(list: HTMLElement | null, key: string): HTMLElement | undefined {
  return [...(list?.querySelectorAll<HTMLElement>('[data-entry]') ?? [])].find(
    ({ dataset }) => dataset['entry'] === key,
  );
}
