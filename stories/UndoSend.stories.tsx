import type { Meta, StoryObj } from '@storybook/react-vite';
import { expect, userEvent, waitFor, within } from 'storybook/test';
import {
  createMemoryDisk,
  createSimulatedClock,
  memoryStorage,
  type SimulatedClock,
} from '../src/testing.js';
import { clearTalk, closeTalk, openTalk, type Talk } from './device/talk.js';
import { UndoSend } from './parts/UndoSend.js';

interface Loaded {
  readonly talk: Talk;
}

async function startOver(talk: Talk): Promise<void> {
  await clearTalk(talk);
  location.reload();
}

const meta = {
  title: 'Demo/Undo send',
  component: UndoSend,
  args: { writer: undefined as never, reader: undefined as never },
} satisfies Meta<typeof UndoSend>;
export default meta;
type Story = StoryObj<typeof meta>;

export const UndoSendStory: Story = {
  name: 'Undo send',
  loaders: [async (): Promise<Loaded> => ({ talk: await openTalk({ space: 'holdfast-talk' }) })],
  beforeEach:
    ({ loaded }) =>
    () =>
      closeTalk((loaded as Loaded).talk),
  render: (_args, { loaded }) => {
    const { talk } = loaded as Loaded;
    return <UndoSend writer={talk.writer} reader={talk.reader} startOver={() => void startOver(talk)} />;
  },
};

/** For a busy machine; the time of the story passes only when told to. */
const PATIENT = { timeout: 10_000 };

/** A page of its own for each test, which can be loaded again. */
interface Page {
  readonly clock: SimulatedClock;
  readonly load: () => Promise<Talk>;
}

function newPage(): Page {
  const space = `holdfast-talk-${crypto.randomUUID()}`;
  const disk = createMemoryDisk();
  const clock = createSimulatedClock();
  return { clock, load: () => openTalk({ space, clock, storage: memoryStorage({ disk }) }) };
}

const inside = (element: HTMLElement) => within(element);
type Canvas = ReturnType<typeof inside>;
const panel = (canvas: Canvas, name: string): Canvas => inside(canvas.getByRole('region', { name }));

async function send(ada: Canvas, text: string): Promise<void> {
  await userEvent.type(ada.getByRole('textbox', { name: 'Message' }), `${text}{Enter}`);
}

export const TakenBackInTime: Story = {
  play: async ({ mount, step }) => {
    const { clock, load } = newPage();
    const talk = await load();
    const canvas = await mount(<UndoSend {...talk} now={clock.now} />);
    const ada = panel(canvas, 'Ada’s tablet');
    const ben = panel(canvas, 'Ben’s phone');

    await step('a message shows at once, and how long it can be taken back', async () => {
      await send(ada, 'Nothing to report');
      await expect(ada.getByText('Nothing to report')).toBeVisible();
      await expect(ada.getByText('Leaves in 5 s')).toBeVisible();
      await clock.advance(3_000);
      await ada.findByText('Leaves in 2 s', {}, PATIENT);
    });
    await step('undone, it goes back into the form, and was never sent', async () => {
      await userEvent.click(ada.getByRole('button', { name: 'Undo' }));
      await ada.findByText('Taken back: it was never sent.', {}, PATIENT);
      await expect(ada.queryByText('Nothing to report')).toBeNull();
      await expect(ada.getByRole('textbox', { name: 'Message' })).toHaveValue('Nothing to report');
      await expect(ada.getByRole('textbox', { name: 'Message' })).toHaveFocus();
      await clock.advance(60_000);
      await expect(ben.queryByText('Nothing to report')).toBeNull();
    });
    await closeTalk(talk);
  },
};

export const TakenBackAfterwards: Story = {
  play: async ({ mount, step }) => {
    const { clock, load } = newPage();
    const talk = await load();
    const canvas = await mount(<UndoSend {...talk} now={clock.now} />);
    const ada = panel(canvas, 'Ada’s tablet');
    const ben = panel(canvas, 'Ben’s phone');

    await step('after five seconds it is sent, and the toast is gone', async () => {
      await send(ada, 'Lights out at 29');
      await clock.advance(5_000);
      await ben.findByText('Lights out at 29', {}, PATIENT);
      await ada.findByText(/^Sent \d/, {}, PATIENT);
      await expect(ada.queryByRole('button', { name: 'Undo' })).toBeNull();
    });
    await step('undone then, a deletion goes after it', async () => {
      await userEvent.click(ada.getByRole('button', { name: 'Undo “Lights out at 29”' }));
      await ada.findByText('It had been sent, so a deletion goes after it.', {}, PATIENT);
      await expect(ada.queryByText('Lights out at 29')).toBeNull();
      await clock.advance(0);
      await waitFor(() => expect(ben.queryByText('Lights out at 29')).toBeNull(), PATIENT);
    });
    await closeTalk(talk);
  },
};

export const ReloadedInBetween: Story = {
  play: async ({ mount, step }) => {
    const { clock, load } = newPage();
    await step('the page is closed two seconds after sending, for one second', async () => {
      const talk = await load();
      const canvas = await mount(<UndoSend {...talk} now={clock.now} />);
      await send(panel(canvas, 'Ada’s tablet'), 'Fuel is low');
      await clock.advance(2_000);
      await closeTalk(talk);
      await clock.advance(1_000);
    });
    await step('two seconds are left: neither five nor none', async () => {
      const talk = await load();
      const canvas = await mount(<UndoSend {...talk} now={clock.now} />);
      const ada = panel(canvas, 'Ada’s tablet');
      const ben = panel(canvas, 'Ben’s phone');
      await ada.findByText('Leaves in 2 s', {}, PATIENT);
      await expect(ada.getByRole('button', { name: 'Undo' })).toBeVisible();
      await clock.advance(1_900);
      await expect(ben.queryByText('Fuel is low')).toBeNull();
      await clock.advance(100);
      await ben.findByText('Fuel is low', {}, PATIENT);
      await closeTalk(talk);
    });
  },
};
