/** Listeners by topic. A listener that throws harms nobody: its error goes to `failed` (OS3). */
export interface Topics<T> {
  subscribe(topic: string, listener: (value: T) => void): () => void;
  publish(topic: string, value: T): void;
  /** Those that somebody listens to. */
  topics(): Iterable<string>;
  readonly size: number;
}

export function createTopics<T>(failed: (error: unknown) => void): Topics<T> {
  const topics = new Map<string, Set<(value: T) => void>>();
  return {
    subscribe(topic, listener) {
      // A wrapper of its own per subscription, so that one function may subscribe twice and leave once.
      const own = (value: T): void => listener(value);
      const listeners = topics.get(topic) ?? new Set();
      topics.set(topic, listeners.add(own));
      return () => {
        if (listeners.delete(own) && listeners.size === 0 && topics.get(topic) === listeners)
          topics.delete(topic);
      };
    },
    publish(topic, value) {
      const listeners = topics.get(topic);
      if (listeners === undefined) return;
      for (const listener of [...listeners]) {
        try {
          listener(value);
        } catch (error) {
          failed(error);
        }
      }
    },
    topics: () => topics.keys(),
    get size() {
      return topics.size;
    },
  };
}
