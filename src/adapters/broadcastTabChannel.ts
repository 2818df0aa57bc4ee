import type { TabChannel } from '../engine/ports.js';

/** A BroadcastChannel per namespace; a no-op where there is none, or where the page may not open one. */
export function broadcastTabChannel(): TabChannel {
  return {
    open(namespace, heard) {
      const channel = openChannel(`holdfast:${namespace}`);
      if (channel === undefined) return { announce: () => undefined, close: () => undefined };
      let open = true;
      channel.onmessage = () => {
        if (open) heard();
      };
      return {
        announce() {
          if (open) channel.postMessage(null);
        },
        close() {
          open = false;
          channel.onmessage = null;
          channel.close();
        },
      };
    },
  };
}

function openChannel(name: string): BroadcastChannel | undefined {
  if (typeof BroadcastChannel === 'undefined') return undefined;
  try {
    const channel: BroadcastChannel & { unref?: () => void } = new BroadcastChannel(name);
    channel.unref?.(); // in Node an open channel would keep the process alive
    return channel;
  } catch {
    return undefined; // a sandboxed frame
  }
}
