import type { Preview } from '@storybook/react-vite';
import { configure } from 'storybook/test';
import '../stories/styles/index.css';

configure({ asyncUtilTimeout: 30_000 }); // a busy machine is slow, not wrong

const preview: Preview = {
  parameters: {
    layout: 'fullscreen',
    a11y: { test: 'error' },
    controls: { disable: true },
    backgrounds: { disable: true },
    options: { storySort: { order: ['Demo', 'Guide'] } },
  },
  initialGlobals: { theme: 'system' },
  globalTypes: {
    theme: {
      description: 'Colours',
      toolbar: {
        title: 'Colours',
        icon: 'contrast',
        dynamicTitle: true,
        items: [
          { value: 'system', title: 'As the system' },
          { value: 'light', title: 'Light' },
          { value: 'dark', title: 'Dark' },
        ],
      },
    },
  },
  decorators: [
    (Story, { globals }) => {
      document.documentElement.dataset['theme'] = String(globals['theme']);
      return <Story />;
    },
  ],
};
export default preview;
