import { defineCollection } from '../../src/index.js';

/** A type, not an interface, so that it is also a JSON object. */
export type Message = {
  readonly id: string;
  readonly text: string;
  readonly author: string;
  /** Milliseconds since the epoch. */
  readonly writtenAt: number;
};

export const messages = defineCollection<Message>({ name: 'messages', key: 'id' });
