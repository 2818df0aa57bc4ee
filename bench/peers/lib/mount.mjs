import { createRoot } from 'react-dom/client';

/** Renders into a root of its own; returns what takes it away. */
export function mount(element) {
  const root = createRoot(document.createElement('div'));
  root.render(element);
  return () => root.unmount();
}
