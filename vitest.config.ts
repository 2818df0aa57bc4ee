import { storybookTest } from '@storybook/addon-vitest/vitest-plugin';
import react from '@vitejs/plugin-react';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromeLaunchOptions } from './scripts/chrome.mjs';

// Made anew for each project: vitest writes the project's name into it.
const chromium = () => ({
  enabled: true,
  headless: true,
  screenshotFailures: false,
  provider: playwright({ launchOptions: chromeLaunchOptions() }),
  instances: [{ browser: 'chromium' as const }],
});

// The examples import the library as an app does.
const holdfast = { find: /^holdfast$/, replacement: `${import.meta.dirname}/src/index.ts` };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          environment: 'node',
          include: ['test/{domain,engine,adapters,testing,flow}/**/*.test.ts'],
        },
      },
      {
        plugins: [react()],
        resolve: { alias: [holdfast] },
        test: {
          name: 'react',
          environment: 'jsdom',
          include: ['test/react/**/*.test.tsx'],
          setupFiles: ['test/react/setup.ts'],
        },
      },
      {
        test: {
          name: 'simulation',
          environment: 'node',
          include: ['test/simulation/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'server',
          environment: 'node',
          include: ['test/server/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [react()],
        test: { name: 'browser', include: ['test/browser/**/*.test.{ts,tsx}'], browser: chromium() },
      },
      {
        test: {
          name: 'e2e',
          environment: 'node',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/globalSetup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        plugins: [react(), storybookTest({ configDir: `${import.meta.dirname}/.storybook` })],
        test: { name: 'storybook', browser: chromium() },
      },
    ],
  },
});
