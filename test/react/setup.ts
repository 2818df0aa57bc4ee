import '@testing-library/jest-dom/vitest';
import { cleanup } from '@testing-library/react';
import { afterEach } from 'vitest';
import { disposeClients } from './testClient.js';

afterEach(async () => {
  cleanup();
  await disposeClients();
});
