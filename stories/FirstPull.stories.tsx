import type { Meta, StoryObj } from '@storybook/react-vite';
import { expect, userEvent, waitFor, within } from 'storybook/test';
import { parseAirports } from './data/parseAirports.mjs';
import {
  clearFirstPull,
  openFirstPull,
  type FirstPullOptions,
  type FirstPullWorld,
} from './device/firstPull.js';
import { FirstPull } from './parts/FirstPull.js';

interface Loaded {
  readonly world: FirstPullWorld;
}

const open = async (options: Omit<FirstPullOptions, 'rows'>): Promise<Loaded> => {
  const rows = parseAirports((await import('./data/airports.csv?raw')).default);
  return { world: openFirstPull({ ...options, rows }) };
};

async function startOver(world: FirstPullWorld): Promise<void> {
  await clearFirstPull(world);
  location.reload();
}

const meta = {
  title: 'Demo/The first pull',
  component: FirstPull,
  args: { device: undefined as never },
} satisfies Meta<typeof FirstPull>;
export default meta;
type Story = StoryObj<typeof meta>;

export const TheFirstPull: Story = {
  name: 'The first pull',
  loaders: [() => open({ space: 'holdfast-first-pull', count: 100_000 })],
  beforeEach:
    ({ loaded }) =>
    () =>
      (loaded as Loaded).world.device.client.dispose(),
  render: (_args, { loaded }) => {
    const { world } = loaded as Loaded;
    return <FirstPull device={world.device} startOver={() => void startOver(world)} />;
  },
};

/** For a busy machine. */
const PATIENT = { timeout: 30_000 };

/** A device and a server of their own for each test, gone afterwards. */
const ofItsOwn: Pick<Story, 'loaders' | 'beforeEach' | 'render'> = {
  loaders: [
    () => open({ space: `holdfast-first-pull-${crypto.randomUUID()}`, count: 9_000, latencyMs: 200 }),
  ],
  beforeEach:
    ({ loaded }) =>
    () =>
      clearFirstPull((loaded as Loaded).world),
  render: (_args, { loaded }) => <FirstPull device={(loaded as Loaded).world.device} />,
};

export const WritingMeanwhile: Story = {
  ...ofItsOwn,
  play: async ({ canvas, step }) => {
    const bar = (): HTMLProgressElement | null => canvas.queryByRole<HTMLProgressElement>('progressbar');
    const part = (): number => bar()?.value ?? NaN;

    await step('the bar says how much is here, of what there is', async () => {
      await waitFor(() => expect(part()).toBeGreaterThan(0), PATIENT);
      await expect(bar()).toHaveAccessibleName('Reading stands');
      await expect(bar()?.max).toBe(9_000);
      await expect(canvas.getByText(/of 9,000 stands$/)).toBeVisible();
      await expect(canvas.getByText(/^Reading \d+ %$/)).toBeVisible();
    });
    await step('a note is written while pages come, by keyboard, and stays', async () => {
      const before = part();
      const note = within(canvas.getByRole('list', { name: 'Stands' })).getAllByRole('textbox')[0];
      note?.focus();
      await userEvent.keyboard('Jet bridge stuck');
      await waitFor(() => expect(part()).toBeGreaterThan(before), PATIENT);
      await expect(part()).toBeLessThan(9_000);
      await expect(note).toHaveFocus();
      await expect(note).toHaveValue('Jet bridge stuck');
      await userEvent.keyboard('{Enter}');
      await expect(note).toHaveValue('Jet bridge stuck');
    });
    await step('all is here, the note is at the server, and the bar is gone', async () => {
      await canvas.findByText('All stands are here.', {}, PATIENT);
      await expect(bar()).toBeNull();
      await canvas.findByText('Empty: the server has every edit.', {}, PATIENT);
      await expect(canvas.getByDisplayValue('Jet bridge stuck')).toBeVisible();
    });
    await step('while all is read again, what is shown stays', async () => {
      await userEvent.click(canvas.getByRole('button', { name: 'Read all again' }));
      await waitFor(() => expect(part()).toBeGreaterThan(0), PATIENT);
      await expect(canvas.getByDisplayValue('Jet bridge stuck')).toBeVisible();
      await expect(within(canvas.getByRole('list', { name: 'Stands' })).getAllByRole('textbox')).toHaveLength(
        30,
      );
      await canvas.findByText('All stands are here.', {}, PATIENT);
    });
  },
};

export const OfflineInTheMidstOfIt: Story = {
  ...ofItsOwn,
  play: async ({ canvas, step }) => {
    const part = (): number => canvas.queryByRole<HTMLProgressElement>('progressbar')?.value ?? NaN;
    let before = 0;
    await step('offline, what has come is there', async () => {
      await waitFor(() => expect(part()).toBeGreaterThan(500), PATIENT);
      before = part();
      await userEvent.click(canvas.getByRole('switch'));
      await canvas.findByText('Not all stands are here yet.', {}, PATIENT);
      await expect(within(canvas.getByRole('list', { name: 'Stands' })).getAllByRole('textbox')).toHaveLength(
        30,
      );
    });
    await step('online, it goes on where it was', async () => {
      await userEvent.click(canvas.getByRole('switch'));
      await waitFor(() => expect(part()).toBeGreaterThan(0), PATIENT);
      await expect(part()).toBeGreaterThan(before);
      await canvas.findByText('All stands are here.', {}, PATIENT);
    });
  },
};
