import type WebSocket from 'ws';

const PING_MS = 15_000;
const STALL_MS = 60_000;
/** What the pipes on the way take although nobody reads: with more than that, our pings may have to wait. */
const PIPES = 64 * 1024;
/** A command may leave its input alone for so long while its container runs. */
const LONGEST_PAUSE_MS = 15 * 60_000;

export interface PulseOptions {
  /** Milliseconds without any sign of life; 60000. */
  readonly stall?: number | undefined;
  /** Tells which container a command runs in; another answer than before: it is gone. */
  readonly containerId: () => Promise<string | undefined>;
  readonly onDead: (found: string) => void;
}

export interface Pulse {
  /** The other side gave a sign of life. */
  beat(): void;
  /** The system took so many bytes of input. */
  sent(bytes: number): void;
  stop(): void;
}

/**
 * Asks the other side of a websocket for signs of life. A command that reads no input for a while holds back all that
 * is sent, the questions too: then its container is looked at instead.
 */
export function watchPulse(socket: WebSocket, options: PulseOptions): Pulse {
  const { stall = STALL_MS, containerId, onDead } = options;
  let last = performance.now();
  let input = 0;
  let before: Promise<string | undefined> | undefined;
  let asking = false;

  const look = async (silent: number): Promise<void> => {
    const dead = (): void => onDead(`no sign of life for ${Math.round(silent / 1000)} s`);
    if (before === undefined || silent > LONGEST_PAUSE_MS) dead();
    else if ((await containerId()) !== (await before)) onDead('its container is gone');
  };
  const timer = setInterval(
    () => {
      const silent = performance.now() - last;
      // While we hold the server back ourselves its silence means nothing.
      if (socket.isPaused || silent <= stall) {
        if (socket.readyState === socket.OPEN) socket.ping();
        return;
      }
      if (asking) return;
      asking = true;
      look(silent)
        .catch((error: unknown) => onDead(error instanceof Error ? error.message : String(error)))
        .finally(() => {
          asking = false;
        });
    },
    Math.min(PING_MS, stall),
  );
  socket.on('pong', () => {
    last = performance.now();
  });
  return {
    beat: () => {
      last = performance.now();
    },
    sent: (bytes) => {
      last = performance.now();
      input += bytes;
      if (input <= PIPES || before) return;
      before = containerId();
      before.catch(() => {});
    },
    stop: () => clearInterval(timer),
  };
}
