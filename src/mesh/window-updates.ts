import type { Stream } from '@libp2p/interface';

/** What is needed of a stream of `@chainsafe/libp2p-yamux` 8, which keeps it to itself. Windows in bytes. */
interface YamuxWindow {
  readonly state: number;
  readonly recvWindow: number;
  readonly recvWindowCapacity: number;
  sendWindowUpdate(): void;
}

/** The library's state of a stream in use: in others an update carries flags that the peer waits for. */
const ESTABLISHED = 3;

/**
 * The library follows every frame of data that comes with an update of the window. On a stream of small messages that is a second frame, encryption
 * and write for each one, and a third of what an idle pool costs. From here on the update waits until half of the window is used, as other
 * implementations of yamux do; the peer has the other half to go on with. A stream of another shape is left as it is.
 */
export function spareWindowUpdates(stream: Stream): void {
  if (!hasYamuxWindow(stream)) return;
  const update = stream.sendWindowUpdate.bind(stream);
  stream.sendWindowUpdate = () => {
    const used = stream.recvWindow - stream.recvWindowCapacity;
    if (stream.state !== ESTABLISHED || used >= stream.recvWindow / 2) update();
  };
}

function hasYamuxWindow(stream: object): stream is YamuxWindow {
  const { state, recvWindow, recvWindowCapacity, sendWindowUpdate } = stream as Partial<YamuxWindow>;
  return (
    typeof state === 'number' &&
    typeof recvWindow === 'number' &&
    typeof recvWindowCapacity === 'number' &&
    typeof sendWindowUpdate === 'function'
  );
}
