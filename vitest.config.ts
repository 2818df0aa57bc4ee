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

// When to call it hung: no measure of anything, for a busy machine takes many times as long as a quiet one.
const patient = { testTimeout: 300_000, hookTimeout: 300_000, expect: { poll: { timeout: 60_000 } } };

// The examples import the library as an app does.
const holdfast = { find: /^holdfast$/, replacement: `${import.meta.dirname}/src/index.ts` };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...patient,
          name: 'unit',
          environment: 'node',
          include: ['test/{domain,engine,adapters,testing,flow}/**/*.test.ts'],
        },
      },
      {
        plugins: [react()],
        resolve: { alias: [holdfast] },
        test: {
          ...patient,
          name: 'react',
          environment: 'jsdom',
          include: ['test/react/**/*.test.tsx'],
          setupFiles: ['test/react/setup.ts'],
        },
      },
      {
        test: {
          ...patient,
          name: 'simulation',
          environment: 'node',
          include: ['test/simulation/**/*.test.ts'],
        },
      },
      {
        test: {
          ...patient,
          name: 'server',
          environment: 'node',
          include: ['test/server/**/*.test.ts'],
        },
      },
      {
        plugins: [react()],
        test: {
          ...patient,
          name: 'browser',
          include: ['test/browser/**/*.test.{ts,tsx}'],
          browser: chromium(),
        },
      },
      {
        test: {
          ...patient,
          name: 'e2e',
          environment: 'node',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/globalSetup.ts'],
          fileParallelism: false,
        },
      },
      {
        plugins: [react(), storybookTest({ configDir: `${import.meta.dirname}/.storybook` })],
        test: { ...patient, name: 'storybook', browser: chromium() },
      },
    ],
  },
});
