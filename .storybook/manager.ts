import { addons } from 'storybook/manager-api';
import { create } from 'storybook/theming';

/** These need the room; their tests show what they do. */
const ROOMY = [
  'demo-two-devices--two-devices',
  'demo-the-repair-desk--the-',
  'demo-the-conflict-desk--the-',
  'demo-undo-send--undo-send',
];

const dark = matchMedia('(prefers-color-scheme: dark)').matches;

addons.setConfig({
  theme: create({
    base: dark ? 'dark' : 'light',
    brandTitle: 'Holdfast',
    brandTarget: '_self',
    colorPrimary: '#ffcc00',
    colorSecondary: dark ? '#6cb4ff' : '#0b5cad',
    appBg: dark ? '#0f1214' : '#e9ebe7',
    appContentBg: dark ? '#0f1214' : '#e9ebe7',
    appPreviewBg: dark ? '#0f1214' : '#e9ebe7',
    appBorderRadius: 6,
    barBg: dark ? '#171b1e' : '#ffffff',
  }),
  layout: { navSize: 216 },
  layoutCustomisations: {
    showPanel: ({ storyId = '' }: { storyId?: string }, byDefault) =>
      !ROOMY.some((story) => storyId.startsWith(story)) && byDefault,
  },
});
