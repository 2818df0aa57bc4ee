import type { Meta, StoryObj } from '@storybook/react-vite';
import { expect, spyOn, userEvent, waitFor, within } from 'storybook/test';
import { parseAirports } from './data/parseAirports.mjs';
import { clearDispute, closeDispute, openDispute, type Dispute } from './device/dispute.js';
import { airports } from './inspection/model.js';
import { ConflictDesk } from './parts/ConflictDesk.js';

interface Loaded {
  readonly dispute: Dispute;
}

const SPACE = 'holdfast-conflicts';

const visit = async (space: string): Promise<Dispute> =>
  openDispute(space, parseAirports((await import('./data/airports.csv?raw')).default));

async function startOver(dispute: Dispute): Promise<void> {
  await clearDispute(dispute);
  location.reload();
}

const meta = {
  title: 'Demo/The conflict desk',
  component: ConflictDesk,
  args: { devices: undefined as never },
} satisfies Meta<typeof ConflictDesk>;
export default meta;
type Story = StoryObj<typeof meta>;

export const TheConflictDesk: Story = {
  name: 'The conflict desk',
  loaders: [async (): Promise<Loaded> => ({ dispute: await visit(SPACE) })],
  beforeEach:
    ({ loaded }) =>
    () =>
      closeDispute((loaded as Loaded).dispute),
  render: (_args, { loaded }) => {
    const { dispute } = loaded as Loaded;
    return <ConflictDesk devices={dispute.devices} startOver={() => void startOver(dispute)} />;
  },
};

/** For a busy machine. */
const PATIENT = { timeout: 10_000 };

/** A desk of its own for each test, gone afterwards. */
const deskOfItsOwn: Pick<Story, 'loaders' | 'beforeEach' | 'render'> = {
  loaders: [async (): Promise<Loaded> => ({ dispute: await visit(`${SPACE}-${crypto.randomUUID()}`) })],
  beforeEach:
    ({ loaded }) =>
    () =>
      clearDispute((loaded as Loaded).dispute),
  render: (_args, { loaded }) => <ConflictDesk devices={(loaded as Loaded).dispute.devices} />,
};

const inside = (element: HTMLElement) => within(element);
type Canvas = ReturnType<typeof inside>;

const device = (canvas: Canvas, name: string): Canvas => inside(canvas.getByRole('region', { name }));
const rowOf = async (canvas: Canvas, device_: string, name: string): Promise<Canvas> =>
  inside((await device(canvas, device_).findByText(name, {}, PATIENT)).closest('li') as HTMLElement);
const conflict = (canvas: Canvas, name: RegExp): Canvas => inside(canvas.getByRole('article', { name }));
const headingOf = (canvas: Canvas, name: RegExp): HTMLElement => canvas.getByRole('heading', { name });
const field = (one: Canvas, name: RegExp): Canvas => inside(one.getByRole('group', { name }));
const gone = (canvas: Canvas, name: RegExp): Promise<void> =>
  waitFor(() => expect(canvas.queryByRole('article', { name })).toBeNull(), PATIENT);
/** What a reader of the desk sees of it. */
const whatIsThere = (canvas: Canvas): readonly (string | null)[] =>
  canvas.getAllByRole('article').map(({ textContent }) => textContent);

const ADA = 'Ada’s tablet';
const BEN = 'Ben’s phone';

export const FieldByField: Story = {
  ...deskOfItsOwn,
  play: async ({ canvas, step }) => {
    await step(
      'contested fields show what they were and what each side made of them; the rest merges',
      async () => {
        const bed = conflict(canvas, /BED.*Note/);
        await expect(
          field(bed, /Note was empty/).getByRole('radio', { name: /^Mine Windsock torn/ }),
        ).toBeVisible();
        await expect(
          field(bed, /Note/).getByRole('radio', { name: /^Theirs Windsock replaced/ }),
        ).not.toBeChecked();
        await expect(bed.getByText(/Merges by itself/)).toHaveTextContent(
          'Status On watch (mine), Findings 1 (theirs)',
        );
        await expect(field(conflict(canvas, /OWD/), /Status was Open/).getAllByRole('radio')).toHaveLength(3);
      },
    );
    await step('what has no answer yet is named, and gets the focus', async () => {
      headingOf(canvas, /OWD/).focus();
      await userEvent.keyboard('{Enter}');
      await expect(conflict(canvas, /OWD/).getByRole('alert')).toHaveTextContent('Note and Status');
      await expect(
        field(conflict(canvas, /OWD/), /Note/).getByRole('radio', { name: /^Mine/ }),
      ).toHaveFocus();
    });
    await step('theirs of one field, something else for the other, by keyboard', async () => {
      const owd = conflict(canvas, /OWD/);
      await userEvent.keyboard('{ArrowDown}');
      await expect(field(owd, /Note/).getByRole('radio', { name: /^Theirs/ })).toBeChecked();
      await userEvent.selectOptions(owd.getByRole('combobox', { name: 'Status, something else' }), 'open');
      await expect(field(owd, /Status/).getByRole('radio', { name: /^Something else/ })).toBeChecked();
      field(owd, /Status/)
        .getByRole('radio', { name: /^Something else/ })
        .focus();
      await userEvent.keyboard('{Enter}');
    });
    await step('it is sent, said, and leaves the focus to the next', async () => {
      await canvas.findByText('Decided: OWD Note and Status', {}, PATIENT);
      await gone(canvas, /OWD/);
      await expect(headingOf(canvas, /BVY/)).toHaveFocus();
      for (const name of [ADA, BEN]) {
        const row = await rowOf(canvas, name, 'Norwood Memorial');
        await waitFor(
          () => expect(row.getByRole('textbox')).toHaveValue('Fuel spill at the hangar'),
          PATIENT,
        );
        await expect(row.queryByText('Closed')).toBeNull();
        await row.findByLabelText('Sync state: synced', {}, PATIENT);
      }
    });
  },
};

export const ByKeys: Story = {
  ...deskOfItsOwn,
  play: async ({ canvas, step }) => {
    await step('J and K go from one to the next, M and T choose, Enter keeps', async () => {
      headingOf(canvas, /BED/).focus();
      await userEvent.keyboard('j');
      await expect(headingOf(canvas, /OWD/)).toHaveFocus();
      await userEvent.keyboard('t');
      const radios = (name: RegExp) => conflict(canvas, /OWD/).getAllByRole('radio', { name });
      for (const radio of radios(/^Theirs/)) await expect(radio).toBeChecked();
      await userEvent.keyboard('m');
      for (const radio of radios(/^Mine/)) await expect(radio).toBeChecked();
      await userEvent.keyboard('{Enter}');
      await gone(canvas, /OWD/);
      await (await rowOf(canvas, BEN, 'Norwood Memorial')).findByText('On watch', {}, PATIENT);
      await userEvent.keyboard('k');
      await expect(headingOf(canvas, /BED/)).toHaveFocus();
    });
    await step('in a text field they are letters', async () => {
      const own = conflict(canvas, /BED/).getByRole('textbox', { name: 'Note, something else' });
      await userEvent.type(own, 'Jam, matt');
      await expect(own).toHaveValue('Jam, matt');
      await userEvent.type(own, '{Enter}');
      await gone(canvas, /BED/);
      const note = (await rowOf(canvas, BEN, 'Laurence G Hanscom')).getByRole('textbox', {
        name: /^Note for/,
      });
      await waitFor(() => expect(note).toHaveValue('Jam, matt'), PATIENT);
    });
  },
};

export const LaterEditsWaitAndOtherRowsGoOn: Story = {
  ...deskOfItsOwn,
  play: async ({ canvas, step }) => {
    await step('the edit behind a conflict waits, other rows have arrived', async () => {
      await expect(conflict(canvas, /BED/).getByText('Status open')).toBeVisible();
      await expect(
        (await rowOf(canvas, ADA, 'Laurence G Hanscom')).getByLabelText('Sync state: in conflict'),
      ).toBeVisible();
      const other = (await rowOf(canvas, BEN, 'Nantucket Memorial')).getByRole('textbox');
      await waitFor(() => expect(other).toHaveValue('Beacon cleaned'), PATIENT);
    });
    await step('another conflict, made by hand', async () => {
      const ada = device(canvas, ADA);
      const note = async (name: string): Promise<HTMLElement> =>
        (await rowOf(canvas, name, 'Lawrence Municipal')).getByRole('textbox');
      await userEvent.click(ada.getByRole('switch'));
      await userEvent.type(await note(ADA), 'Deer on the field{Enter}');
      await userEvent.type(await note(BEN), 'Fence repaired{Enter}');
      await (
        await rowOf(canvas, BEN, 'Lawrence Municipal')
      ).findByLabelText('Sync state: synced', {}, PATIENT);
      await userEvent.click(ada.getByRole('switch'));
      await canvas.findByRole('article', { name: /LWM/ }, PATIENT);
      await expect(await note(ADA)).toHaveValue('Deer on the field');
    });
    await step('with the decision goes what waited for it', async () => {
      await userEvent.click(conflict(canvas, /BED/).getByRole('button', { name: /^All mine/ }));
      await gone(canvas, /BED/);
      const row = await rowOf(canvas, BEN, 'Laurence G Hanscom');
      await waitFor(
        () =>
          expect(row.getByRole('textbox', { name: /^Note for/ })).toHaveValue(
            'Windsock torn, new one ordered',
          ),
        PATIENT,
      );
      await waitFor(() => expect(row.queryByText('On watch')).toBeNull(), PATIENT);
      await device(canvas, ADA).findByText('Empty: nothing waits to be sent.', {}, PATIENT);
    });
  },
};

export const DeletedOnOneSide: Story = {
  ...deskOfItsOwn,
  play: async ({ canvas, step }) => {
    await step('they have deleted it: mine brings the whole row back', async () => {
      const bvy = conflict(canvas, /BVY.*deleted/);
      await expect(
        field(bvy, /They have deleted it/).getByText('Note: Papi lights out, east side'),
      ).toBeVisible();
      await expect(device(canvas, BEN).queryByText('Beverly Municipal')).toBeNull();
      await userEvent.click(bvy.getByRole('radio', { name: /bring it back/ }));
      await userEvent.click(bvy.getByRole('button', { name: /^Keep what is chosen/ }));
      await gone(canvas, /BVY/);
      const note = (await rowOf(canvas, BEN, 'Beverly Municipal')).getByRole('textbox');
      await expect(note).toHaveValue('Papi lights out, east side');
    });
    await step('I have deleted it: theirs keeps it', async () => {
      const pvc = conflict(canvas, /PVC/);
      await expect(
        field(pvc, /You have deleted it/).getByText('Note: Ferry pilots use it all winter'),
      ).toBeVisible();
      await userEvent.click(pvc.getByRole('button', { name: /^All theirs/ }));
      await gone(canvas, /PVC/);
      const note = (await rowOf(canvas, ADA, 'Provincetown Municipal')).getByRole('textbox');
      await expect(note).toHaveValue('Ferry pilots use it all winter');
    });
  },
};

export const TheirsIsKeptUpToDate: Story = {
  ...deskOfItsOwn,
  play: async ({ canvas, loaded, step }) => {
    const [, { client }] = (loaded as Loaded).dispute.devices;
    const bed = conflict(canvas, /BED/);
    await step('a choice that others have written over is asked for again', async () => {
      await userEvent.click(bed.getByRole('radio', { name: /^Theirs/ }));
      client.update(airports, 'BED', { notes: 'Windsock replaced on Monday' });
      await bed.findByRole('radio', { name: /^Theirs Windsock replaced on Monday/ }, PATIENT);
      await expect(bed.getByRole('alert')).toHaveTextContent(
        'They have written again: choose once more, Note.',
      );
      await expect(bed.getByRole('radio', { name: /^Theirs/ })).not.toBeChecked();
    });
    await step('when they come to say the same, nothing is left to choose', async () => {
      client.update(airports, 'BED', { notes: 'Windsock torn, new one ordered' });
      await userEvent.click(await bed.findByRole('button', { name: /^Done/ }, PATIENT));
      await gone(canvas, /BED/);
    });
  },
};

export const AsItWasAfterAReload: Story = {
  ...deskOfItsOwn,
  play: async ({ mount, loaded, step }) => {
    const { space, devices } = (loaded as Loaded).dispute;
    let before: readonly (string | null)[] = [];
    await step('four conflicts, and a day with edits behind them', async () => {
      const canvas = await mount(<ConflictDesk devices={devices} />);
      before = whatIsThere(canvas);
      await expect(before).toHaveLength(4);
      await Promise.all(devices.map(({ client }) => client.dispose()));
    });
    await step('other clients, after a reload: the same conflicts, and they can be decided', async () => {
      const reopened = await visit(space);
      const canvas = await mount(<ConflictDesk devices={reopened.devices} />);
      await expect(whatIsThere(canvas)).toEqual(before);
      await userEvent.click(conflict(canvas, /OWD/).getByRole('button', { name: /^All mine/ }));
      await gone(canvas, /OWD/);
      const note = (await rowOf(canvas, BEN, 'Norwood Memorial')).getByRole('textbox');
      await waitFor(() => expect(note).toHaveValue('Mowing beside the runway until noon'), PATIENT);
      await closeDispute(reopened);
    });
  },
};

export const TheSameInEveryTab: Story = {
  ...deskOfItsOwn,
  play: async ({ mount, loaded, step }) => {
    const { devices, openTab } = (loaded as Loaded).dispute;
    const [ada, ben] = devices;
    const tab = openTab();
    await tab.client.ready;
    await step('another tab of the same user lists the same', async () => {
      await expect(tab.client.conflicts()).toEqual(ada.client.conflicts());
      const canvas = await mount(<ConflictDesk devices={[tab, ben]} />);
      await userEvent.click(conflict(canvas, /PVC/).getByRole('button', { name: /^All mine/ }));
      await gone(canvas, /PVC/);
    });
    await step('what is decided there is decided here, and on record', async () => {
      await waitFor(() => expect(ada.client.conflicts()).toHaveLength(3), PATIENT);
      await waitFor(() => expect(ada.client.audit()).toEqual(tab.client.audit()), PATIENT);
      await waitFor(() => expect(ben.client.get(airports, 'PVC')).toBeUndefined(), PATIENT);
      await tab.client.dispose();
    });
  },
};

export const OnRecord: Story = {
  ...deskOfItsOwn,
  play: async ({ canvas, step }) => {
    const trail = device(canvas, 'Ada’s audit trail');
    await step('each decision is in the audit trail, the newest first', async () => {
      await expect(trail.getAllByRole('listitem')).toHaveLength(4);
      await userEvent.click(conflict(canvas, /OWD/).getByRole('button', { name: /^All mine/ }));
      await gone(canvas, /OWD/);
      const [newest] = trail.getAllByRole('listitem');
      await expect(newest).toHaveTextContent(
        /OWD Note Mowing beside the runway until noon, Status On watch.*Decided/,
      );
    });
    await step('and goes out as JSON', async () => {
      const files: Blob[] = [];
      const url = spyOn(URL, 'createObjectURL').mockImplementation(
        (file) => `data:,${files.push(file as Blob)}`,
      );
      const click = spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined);
      await userEvent.click(trail.getByRole('button', { name: 'Export as JSON' }));
      const [file] = files;
      const entries: unknown = JSON.parse((await file?.text()) ?? '');
      await expect(entries).toHaveLength(5);
      await expect(entries).toMatchObject({
        4: { strategy: 'user', rows: [{ theirs: { row: { status: 'closed' } } }] },
      });
      url.mockRestore();
      click.mockRestore();
    });
  },
};
