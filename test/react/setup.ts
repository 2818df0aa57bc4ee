import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach } from 'vitest';
import { disposeClients } from './testClient.js';

configure({ asyncUtilTimeout: 60_000 }); // a busy machine is slow, not wrong

afterEach(async () => {
  cleanup();
  await disposeClients();
});
