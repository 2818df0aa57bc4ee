import type { Meta, StoryObj } from '@storybook/react-vite';
import { expect, userEvent, waitFor, within } from 'storybook/test';
import { parseAirports } from './data/parseAirports.mjs';
import { clearDesk, openDesk, type Desk } from './device/desk.js';
import { RepairDesk } from './parts/RepairDesk.js';

interface Loaded {
  readonly desk: Desk;
}

const SPACE = 'holdfast-desk';

const visit = async (space: string): Promise<Desk> =>
  openDesk(space, parseAirports((await import('./data/airports.csv?raw')).default));

async function startOver(desk: Desk): Promise<void> {
  await clearDesk(desk);
  location.reload();
}

const meta = {
  title: 'Demo/The repair desk',
  component: RepairDesk,
  args: { device: undefined as never },
} satisfies Meta<typeof RepairDesk>;
export default meta;
type Story = StoryObj<typeof meta>;

export const TheRepairDesk: Story = {
  name: 'The repair desk',
  loaders: [async (): Promise<Loaded> => ({ desk: await visit(SPACE) })],
  beforeEach:
    ({ loaded }) =>
    () =>
      (loaded as Loaded).desk.device.client.dispose(),
  render: (_args, { loaded }) => {
    const { desk } = loaded as Loaded;
    return <RepairDesk device={desk.device} startOver={() => void startOver(desk)} />;
  },
};
/** For a busy machine. */
const PATIENT = { timeout: 10_000 };

/** A desk of its own for each test, gone afterwards. */
const deskOfItsOwn: Pick<Story, 'loaders' | 'beforeEach' | 'render'> = {
  loaders: [async (): Promise<Loaded> => ({ desk: await visit(`${SPACE}-${crypto.randomUUID()}`) })],
  beforeEach:
    ({ loaded }) =>
    () =>
      clearDesk((loaded as Loaded).desk),
  render: (_args, { loaded }) => <RepairDesk device={(loaded as Loaded).desk.device} />,
};

const inside = (element: HTMLElement) => within(element);
type Canvas = ReturnType<typeof inside>;

const letter = (canvas: Canvas, name: RegExp): Canvas => inside(canvas.getByRole('article', { name }));
const rowOf = (canvas: Canvas, name: string): Canvas =>
  inside(canvas.getByText(name).closest('li') as HTMLElement);
const gone = (canvas: Canvas, name: RegExp): Promise<void> =>
  waitFor(() => expect(canvas.queryByRole('article', { name })).toBeNull(), PATIENT);
/** What a reader of the desk sees of it. */
const whatIsThere = (canvas: Canvas): readonly (string | null)[] =>
  canvas.getAllByRole('article').map(({ textContent }) => textContent);

export const EditAndRetry: Story = {
  ...deskOfItsOwn,
  play: async ({ canvas, step }) => {
    await step('each letter says what was edited, and why the server refused it', async () => {
      await expect(canvas.getByRole('article', { name: /PVC Status shut/ })).toHaveTextContent(
        'The server says: An airport is open, watch, closed.',
      );
      await expect(canvas.getByRole('article', { name: /BVY Note/ })).toHaveTextContent(
        'The server says: Notes are public: leave out e-mail addresses.',
      );
      const note = letter(canvas, /BVY Note/);
      await userEvent.click(note.getByText(/^Refused 2 times/));
      await expect(note.getAllByRole('listitem')).toHaveLength(2);
    });
    await step('a bad edit is refused again, and is in the history', async () => {
      const field = letter(canvas, /BVY Note/).getByRole('textbox', { name: 'Note' });
      await userEvent.clear(field);
      await userEvent.type(field, 'Mowing: write to ben@tower.example{Enter}');
      await canvas.findByText(/^Refused again/, {}, PATIENT);
      const again = letter(canvas, /BVY Note “Mowing: write to ben@tower.example”/);
      await expect(again.getByText(/^Refused 3 times/)).toBeVisible();
      await waitFor(() => expect(again.getByRole('heading')).toHaveFocus());
    });
    await step('a good one is accepted, and leaves its place and the focus to the next', async () => {
      const field = letter(canvas, /BVY Note/).getByRole('textbox', { name: 'Note' });
      await userEvent.clear(field);
      await userEvent.type(field, 'Mowing: call the tower first{Enter}');
      await canvas.findByText('Accepted: BVY Note “Mowing: call the tower first”', {}, PATIENT);
      await gone(canvas, /BVY Note/);
      await expect(canvas.getByRole('heading', { name: /BED Finding/ })).toHaveFocus();
      await expect(rowOf(canvas, 'Beverly Municipal').getByLabelText('Sync state: synced')).toBeVisible();
    });
  },
};

export const NeedsAttentionInItsRow: Story = {
  ...deskOfItsOwn,
  play: async ({ canvas, step }) => {
    const row = rowOf(canvas, 'Beverly Municipal');
    const note = row.getByRole('textbox', { name: /^Note for/ });
    await step('the refused note still stands in its row, marked, with the reason', async () => {
      await expect(note).toHaveValue('Mowing: call ben@airport.example first');
      await expect(note).toHaveAccessibleDescription('Notes are public: leave out e-mail addresses.');
      await expect(row.getByLabelText('Sync state: needs attention')).toBeVisible();
    });
    await step('mended where it stands, it is accepted', async () => {
      await userEvent.clear(note);
      await userEvent.type(note, 'Mowing: call the tower first{Enter}');
      await row.findByLabelText('Sync state: synced', {}, PATIENT);
      await expect(note).toHaveValue('Mowing: call the tower first');
      await gone(canvas, /BVY Note/);
    });
  },
};

export const DependentsComeBackWithTheirCause: Story = {
  ...deskOfItsOwn,
  play: async ({ canvas, step }) => {
    const finding = letter(canvas, /BED Finding/);
    await step('what was built on the finding waits for it', async () => {
      await expect(finding.getByText('Severity high')).toBeVisible();
      await expect(finding.getAllByText('waits for Finding “Cracked threshold, runway 11”')).toHaveLength(2);
    });
    await step('as it is, it is refused again with them', async () => {
      await userEvent.click(finding.getByRole('button', { name: /^Retry as it is/ }));
      await canvas.findByText(/^Refused again: BED is closed/, {}, PATIENT);
      await expect(letter(canvas, /BED Finding/).getAllByText(/^waits for/)).toHaveLength(2);
    });
    await step('at an airport that is open it is accepted, and so are they', async () => {
      const again = letter(canvas, /BED Finding/);
      await userEvent.selectOptions(again.getByRole('combobox', { name: 'Airport' }), 'OWD');
      await userEvent.click(again.getByRole('button', { name: /^Retry: / }));
      await gone(canvas, /Finding/);
      const row = rowOf(canvas, 'Norwood Memorial');
      await userEvent.click(await row.findByRole('button', { name: /^1 finding at/ }, PATIENT));
      await expect(row.getByText('Cracked threshold, runway 11, two metres')).toBeVisible();
      await expect(row.getByText('high')).toBeVisible();
      await row.findByLabelText('Sync state: synced', {}, PATIENT);
    });
  },
};

export const Discarded: Story = {
  ...deskOfItsOwn,
  play: async ({ canvas, step }) => {
    await step('a letter is discarded by keyboard; the focus stays at the desk', async () => {
      letter(canvas, /PVC Status shut/)
        .getByRole('button', { name: /^Discard/ })
        .focus();
      await userEvent.keyboard('{Enter}');
      await gone(canvas, /PVC/);
      await expect(canvas.getByText('Discarded: PVC Status shut')).toBeVisible();
      await expect(canvas.getByRole('heading', { name: /BED Finding/ })).toHaveFocus();
    });
    await step('with a finding goes what waited for it', async () => {
      await userEvent.click(letter(canvas, /BED/).getByRole('button', { name: /^Discard all 3/ }));
      await gone(canvas, /BED/);
      await expect(canvas.queryByText('Severity high')).toBeNull();
      await expect(canvas.getByRole('heading', { name: /BVY Note/ })).toHaveFocus();
    });
    await step('with a held note goes its value; nothing is left', async () => {
      await userEvent.click(letter(canvas, /BVY/).getByRole('button', { name: /^Discard/ }));
      const empty = await canvas.findByText(/^Nothing to repair/, {}, PATIENT);
      await waitFor(() => expect(empty).toHaveFocus());
      await expect(rowOf(canvas, 'Beverly Municipal').getByRole('textbox')).toHaveValue('');
      await canvas.findByText('Empty: the server has every edit.', {}, PATIENT);
    });
  },
};

export const AsItWasAfterAReload: Story = {
  ...deskOfItsOwn,
  play: async ({ mount, loaded, step }) => {
    const { space, device } = (loaded as Loaded).desk;
    let before: readonly (string | null)[] = [];
    await step('a desk with some history', async () => {
      const canvas = await mount(<RepairDesk device={device} />);
      await userEvent.click(letter(canvas, /PVC/).getByRole('button', { name: /^Retry as it is/ }));
      await canvas.findByText(/^Refused again/, {}, PATIENT);
      before = whatIsThere(canvas);
      await device.client.dispose();
    });
    await step('another client, after a reload: the same letters in the same order', async () => {
      const reopened = await visit(space);
      const canvas = await mount(<RepairDesk device={reopened.device} />);
      await expect(whatIsThere(canvas)).toEqual(before);
      const note = rowOf(canvas, 'Beverly Municipal').getByRole('textbox', { name: /^Note for/ });
      await expect(note).toHaveValue('Mowing: call ben@airport.example first');
      const status = letter(canvas, /PVC/);
      await userEvent.selectOptions(status.getByRole('combobox', { name: 'Status' }), 'watch');
      await userEvent.click(status.getByRole('button', { name: /^Retry: / }));
      await canvas.findByText('Accepted: PVC Status watch', {}, PATIENT);
      await reopened.device.client.dispose();
    });
  },
};
