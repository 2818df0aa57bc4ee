import type { CommandCode, Validate } from '../../src/server.js';

export const validate: Validate;
export const commands: Readonly<Record<string, CommandCode>>;
