import { Profiler, type ReactNode } from 'react';

export interface Renders {
  /** Reports every render that was committed inside of it. */
  readonly Counted: (props: { readonly name: string; readonly children: ReactNode }) => ReactNode;
  /** The names of those that rendered since the last call, in order. */
  take(): string[];
}

export function countRenders(): Renders {
  const log: string[] = [];
  return {
    Counted: ({ name, children }) => (
      <Profiler id={name} onRender={(id) => log.push(id)}>
        {children}
      </Profiler>
    ),
    take: () => log.splice(0),
  };
}
