/**
 * The machine at the far end, as a process of its own: `node endpoint.ts`, prints its port. The first byte of a connection says what it does: `u` takes
 * everything and answers with one byte, `d` and eight bytes sends so many and ends, `e` sends back what it gets.
 */

import { createServer, type Socket } from 'node:net';

const BLOCK = Buffer.alloc(256 * 1024, 0x5a);

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on('error', () => undefined);
  socket.once('data', (first: Buffer) => {
    const rest = first.subarray(1);
    switch (first[0]) {
      case 0x75:
        return take(socket);
      case 0x64:
        return give(socket, Number(rest.readBigUInt64BE()));
      default:
        if (rest.length > 0) socket.write(rest);
        socket.pipe(socket);
    }
  });
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  const address = server.address();
  process.stdout.write(`${address === null || typeof address === 'string' ? '' : address.port}\n`);
});
// Whoever started it has gone.
process.stdin.resume().on('end', () => process.exit());

function take(socket: Socket): void {
  socket.on('data', () => undefined);
  socket.on('end', () => socket.end('k'));
}

function give(socket: Socket, bytes: number): void {
  let left = bytes;
  const push = (): void => {
    while (left > 0) {
      const block = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
      left -= block.length;
      if (!socket.write(block)) return;
    }
    socket.end();
  };
  socket.on('drain', () => {
    if (left > 0) push();
    else if (!socket.writableEnded) socket.end();
  });
  push();
}
