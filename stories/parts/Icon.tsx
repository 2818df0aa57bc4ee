import type { ReactNode } from 'react';

// 16 × 16, drawn with one stroke; the shapes differ without their colours.
const PATHS = {
  check: 'M3 8.5l3.2 3.2L13 5',
  clock: 'M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2zM8 5v3.2l2 1.4',
  up: 'M8 13V3.5M4 7.2l4-4 4 4',
  down: 'M8 3v9.5M4 8.8l4 4 4-4',
  hourglass:
    'M4.5 2.5h7M4.5 13.5h7M5.2 2.5c0 3.5 2.8 3.8 2.8 5.5s-2.8 2-2.8 5.5M10.8 2.5c0 3.5-2.8 3.8-2.8 5.5s2.8 2 2.8 5.5',
  stop: 'M5.4 2.2h5.2l3.2 3.2v5.2l-3.2 3.2H5.4l-3.2-3.2V5.4zM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4',
  cut: 'M2 8h3M11 8h3M6.2 11.5l3.6-7',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  tablet: 'M3.5 1.8h9v12.4h-9zM7.2 12h1.6',
  phone: 'M4.8 1.5h6.4v13H4.8zM7.3 12.4h1.4',
  server: 'M2.5 3h11v4.2h-11zM2.5 8.8h11V13h-11zM5 5.1h.01M5 10.9h.01',
  flag: 'M4 14V2.5M4 3h8l-2.2 2.8L12 8.6H4',
  undo: 'M5.5 3L2.5 6l3 3M3 6h6.2a3.8 3.8 0 0 1 0 7.6H6.5',
  chevron: 'M4.5 6.5L8 10l3.5-3.5',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.4 10.4l3.4 3.4',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
