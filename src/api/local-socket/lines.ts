import type { Socket } from 'node:net';

/**
 * The lines of a socket, one after the other. Ends with the socket; a line longer than `bytesMax` destroys it. Reading pauses while a line is
 * worked on, so that a hasty sender fills its own buffers only.
 */
export async function* readLines(socket: Socket, bytesMax: number): AsyncGenerator<string> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    let rest = chunk;
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      const line = Buffer.concat([...held, rest.subarray(0, end)]);
      held = [];
      heldBytes = 0;
      rest = rest.subarray(end + 1);
      if (line.length > bytesMax) return void socket.destroy();
      yield line.toString('utf8');
    }
    held.push(rest);
    heldBytes += rest.length;
    if (heldBytes > bytesMax) return void socket.destroy();
  }
}
