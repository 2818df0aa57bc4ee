import type { Meta, StoryObj } from '@storybook/react-vite';
import { expect, userEvent } from 'storybook/test';
import {
  createSyncClient,
  defineCollection,
  memoryStorage,
  SyncProvider,
  useEntity,
  useEntityStatus,
  useSyncClient,
  type SyncClient,
} from '../src/index.js';

// The simplest use: one collection, one row, one field, and how far the row is.

interface Todo {
  readonly id: string;
  readonly title: string;
}

const todos = defineCollection<Todo>({ name: 'todos', key: 'id' });

function TitleField() {
  const sync = useSyncClient();
  const todo = useEntity(todos, 'first');
  const state = useEntityStatus(todos, 'first');
  return (
    <label className="one-field">
      <span>Title</span>
      <input
        className="field"
        value={todo?.title ?? ''}
        onChange={(event) => sync.update(todos, 'first', { title: event.target.value })}
      />
      <output>{state}</output>
    </label>
  );
}

const openClient = (): SyncClient => {
  const sync = createSyncClient({
    name: `one-field-${crypto.randomUUID()}`,
    collections: [todos],
    storage: memoryStorage(),
  });
  sync.insert(todos, { id: 'first', title: 'Check the runway lights' });
  return sync;
};

interface Loaded {
  readonly sync: SyncClient;
}

const meta = {
  title: 'Guide/One field',
  loaders: [(): Loaded => ({ sync: openClient() })],
  beforeEach:
    ({ loaded }) =>
    () =>
      (loaded as Loaded).sync.dispose(),
  render: (_args, { loaded }) => (
    <SyncProvider client={(loaded as Loaded).sync}>
      <TitleField />
    </SyncProvider>
  ),
} satisfies Meta;
export default meta;
type Story = StoryObj<typeof meta>;

/** Without a transport the edit is visible and durable, and waits: `pending`. */
export const OneField: Story = {
  play: async ({ canvas }) => {
    const title = canvas.getByRole('textbox', { name: /Title/ });
    await userEvent.clear(title);
    await userEvent.type(title, 'Runway lights are fine');
    await expect(title).toHaveValue('Runway lights are fine');
    await expect(canvas.getByText('pending')).toBeVisible();
  },
};
