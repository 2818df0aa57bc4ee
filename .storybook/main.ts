import type { StorybookConfig } from '@storybook/react-vite';

const SERVER = process.env['HOLDFAST_SERVER'] ?? 'http://127.0.0.1:3901';

const config: StorybookConfig = {
  stories: ['../stories/**/*.stories.tsx'],
  addons: ['@storybook/addon-docs', '@storybook/addon-a11y', '@storybook/addon-vitest'],
  framework: { name: '@storybook/react-vite', options: {} },
  core: { disableTelemetry: true, disableWhatsNewNotifications: true, enableCrashReports: false },
  features: { sidebarOnboardingChecklist: false },
  typescript: { reactDocgen: 'react-docgen', check: false },
  viteFinal: (vite) => ({
    ...vite,
    // The built Storybook is served by the server itself; tests run without one.
    ...(process.env['VITEST'] === undefined && {
      server: { ...vite.server, proxy: { '/sync': { target: SERVER, changeOrigin: true } } },
    }),
    // Known before the first page, so that a cold start does not bundle twice and load the page anew.
    optimizeDeps: {
      ...vite.optimizeDeps,
      include: [...(vite.optimizeDeps?.include ?? []), 'dexie', 'immer', 'zustand/vanilla'],
    },
    build: {
      ...vite.build,
      chunkSizeWarningLimit: 2000,
      rolldownOptions: {
        ...vite.build?.rolldownOptions,
        onLog(level, log, handler) {
          if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handler(level, log);
        },
      },
    },
  }),
};
export default config;
