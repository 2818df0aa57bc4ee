import type { Meta, StoryObj } from '@storybook/react-vite';
import { expect, userEvent, waitFor, within } from 'storybook/test';
import { parseAirports } from './data/parseAirports.mjs';
import { devicesInPage, devicesOnServer, disposeDevices, type Devices } from './device/devices.js';
import { TwoDevices } from './parts/TwoDevices.js';

interface Loaded {
  readonly devices: Devices;
}

const meta = {
  title: 'Demo/Two devices',
  component: TwoDevices,
  // Given by the loader: clients are made once per visit, not per render, and end with it.
  args: { devices: undefined as never },
  render: (args, { loaded }) => <TwoDevices {...args} devices={(loaded as Loaded).devices} />,
  beforeEach:
    ({ loaded }) =>
    () =>
      disposeDevices((loaded as Loaded).devices),
} satisfies Meta<typeof TwoDevices>;
export default meta;
type Story = StoryObj<typeof meta>;

const allAirports = async (): Promise<ReturnType<typeof parseAirports>> =>
  parseAirports((await import('./data/airports.csv?raw')).default);

export const TwoDevicesOneServer: Story = {
  name: 'Two devices, one server',
  loaders: [(): Loaded => ({ devices: devicesOnServer() })],
};

/** For a busy machine: retries and reconnection have their own times. */
const PATIENT = { timeout: 10_000 };

/** The same, for a page without a server. */
export const ServerInThePage: Story = {
  name: 'Server in the page',
  args: { server: 'page' },
  loaders: [async (): Promise<Loaded> => ({ devices: devicesInPage(await allAirports()) })],
};

const few = async (): Promise<Loaded> => ({
  devices: devicesInPage((await allAirports()).slice(0, 20)),
});

export const OfflineThenOnline: Story = {
  args: { server: 'page' },
  loaders: [few],
  play: async ({ canvas, step }) => {
    const ada = within(canvas.getByRole('region', { name: 'Ada’s tablet' }));
    const ben = within(canvas.getByRole('region', { name: 'Ben’s phone' }));
    const row = async (device: typeof ada) =>
      within((await device.findByText('Perry-Warsaw', {}, PATIENT)).closest('li') as HTMLElement);

    await row(ada);
    await row(ben);

    await step('offline, a note shows at once and waits', async () => {
      await userEvent.click(ada.getByRole('switch'));
      const note = (await row(ada)).getByRole('textbox');
      await userEvent.type(note, 'Lights out on 10/28{Enter}');
      // Held, when it was tried once: a platform that says offline is a hint, no veto.
      await (await row(ada)).findByLabelText(/Sync state: (pending|held)/);
      await expect(ada.getByText('Offline, 1 kept')).toBeVisible();
      await expect((await row(ben)).getByRole('textbox')).toHaveValue('');
    });
    await step('online, it is synced and arrives at the other device', async () => {
      await userEvent.click(ada.getByRole('switch'));
      await (await row(ada)).findByLabelText('Sync state: synced', {}, PATIENT);
      await ada.findByText('Empty: the server has every edit.', {}, PATIENT);
      const arrived = (await row(ben)).getByRole('textbox');
      await waitFor(() => expect(arrived).toHaveValue('Lights out on 10/28'), PATIENT);
    });
  },
};

export const RefusedByTheServer: Story = {
  args: { server: 'page' },
  loaders: [few],
  play: async ({ canvas, step }) => {
    const ada = within(canvas.getByRole('region', { name: 'Ada’s tablet' }));
    const row = within((await ada.findByText('Perry-Warsaw', {}, PATIENT)).closest('li') as HTMLElement);
    const note = row.getByRole('textbox');

    await step('offline: a good finding and a bad note on one airport', async () => {
      await userEvent.click(ada.getByRole('switch'));
      await userEvent.click(row.getByRole('button', { name: /^0 findings/ }));
      await userEvent.type(row.getByRole('textbox', { name: 'What was found' }), 'Cracked threshold{Enter}');
      await userEvent.type(note, 'Ask ada@example.com{Enter}');
      await expect(row.getByText('Cracked threshold')).toBeVisible();
    });
    await step('online: exactly the bad one goes away, and says why', async () => {
      await userEvent.click(ada.getByRole('switch'));
      await ada.findByText('Notes are public: leave out e-mail addresses.', { exact: false }, PATIENT);
      await expect(note).toHaveValue('');
      await expect(row.getByText('Cracked threshold')).toBeVisible();
      await expect(row.getByRole('button', { name: /^1 finding at/ })).toBeVisible();
    });
  },
};
