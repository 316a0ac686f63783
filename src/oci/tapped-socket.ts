import type { OnReadOpts, Socket } from 'node:net';

/** Takes what comes over a connection, past Node's HTTP parser, straight into memory of its own. */
export interface Tap {
  /** Memory for the next bytes; undefined when there is none now. Throws nothing. */
  space(): Buffer | undefined;
  /** The first bytes of the last space are there. Throws nothing. */
  filled(count: number): void;
  /** Bytes for which there was no space; they stay as they are until more is read. Throws nothing. */
  take(bytes: Buffer): void;
}

/** Bytes that are read at a time while nobody taps the connection: what Node itself reads. */
const OWN_SPACE = 64 * 1024;

const taps = new WeakMap<Socket, { tap: Tap | undefined }>();

/**
 * A connection whose bytes can be tapped. Untapped it is as any other.
 * @param connect opens it with the given `onread` (node:net, socket.connect)
 */
export function openTappable(connect: (onread: OnReadOpts) => Socket): Socket {
  const state: { tap: Tap | undefined } = { tap: undefined };
  const own = Buffer.allocUnsafeSlow(OWN_SPACE);
  let given: Buffer = own;
  const socket = connect({
    buffer() {
      given = state.tap?.space() ?? own;
      return given;
    },
    callback(count) {
      const { tap } = state;
      if (tap === undefined) socket.emit('data', Buffer.from(own.subarray(0, count)));
      else if (given === own) tap.take(own.subarray(0, count));
      else tap.filled(count);
      return true;
    },
  });
  taps.set(socket, state);
  return socket;
}

/** Whether `tap` can be used on a connection. */
export function isTappable(socket: Socket): boolean {
  return taps.has(socket);
}

/** From now on, or no longer (undefined), what comes goes to the tap. The connection can't carry HTTP afterwards. */
export function setTap(socket: Socket, tap: Tap | undefined): void {
  const state = taps.get(socket);
  if (state) state.tap = tap;
}
