import { useEffect, useState } from 'react';
import type { Devices } from '../device/devices.js';

/** Whether the sync server answers; a page that answers 200 is not one. */
async function answers(signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch('/sync/capabilities', { cache: 'no-store', signal });
    return response.ok && (response.headers.get('content-type') ?? '').includes('json');
  } catch {
    return false;
  }
}

/** Asks at first, and again whenever a device reads from the server, or fails to. */
export function useServer(
  devices: Devices,
  remote: boolean,
): { readonly missing: boolean; readonly retry: () => void } {
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    if (!remote) return;
    const gone = new AbortController();
    const { signal } = gone;
    const ask = (): void =>
      void answers(signal).then((answered) => {
        if (!signal.aborted) setMissing(!answered);
      });
    const stops = devices.flatMap(({ client }) => [
      client.on('sync.failed', ask),
      client.on('sync.completed', ({ direction }) => setMissing((is) => is && direction === 'push')),
    ]);
    ask();
    return () => {
      gone.abort();
      for (const stop of stops) stop();
    };
  }, [devices, remote]);
  return {
    missing,
    retry: () => {
      for (const { client } of devices) void client.sync({ direction: 'pull' });
    },
  };
}
