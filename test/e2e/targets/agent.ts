/**
 * A process of its own, for places where the test itself is not, such as a network namespace. `echo HOST` serves an echo, which resets a connection
 * that says so, and prints its port; `call PORT COUNT` makes connections at the same time, prints what became of them as JSON and ends.
 */

import { dial, endOf, readAll, roundTrip } from './socket.ts';
import { startTarget } from './target.ts';

/** What an agent's calls came to. */
export interface Calls {
  /** Connections that carried everything there and back and were closed in order by both sides. */
  readonly echoed: number;
  /** What went wrong with the others. */
  readonly failed: readonly string[];
  /** How the last connection ended, which asked for a reset. */
  readonly reset: string | undefined;
  /** Until the last of the connections was through. */
  readonly elapsedMs: number;
}

const RESET = 'reset me';
const [mode, ...words] = process.argv.slice(2);

if (mode === 'echo') await serve(words[0] ?? '');
else process.stdout.write(`${JSON.stringify(await call(Number(words[0]), Number(words[1])))}\n`);

async function serve(host: string): Promise<void> {
  const { port } = await startTarget((socket) => {
    socket.on('data', (data) => (data.toString() === RESET ? socket.resetAndDestroy() : socket.write(data)));
    socket.on('end', () => socket.end());
  }, host);
  process.stdout.write(`${port}\n`);
}

async function call(port: number, count: number): Promise<Calls> {
  const beganAtMs = performance.now();
  const calls = await Promise.allSettled(Array.from({ length: count }, (_, number) => exchange(port, number)));
  const elapsedMs = Math.round(performance.now() - beganAtMs);
  const failed = calls.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
  const last = await dial(port);
  await roundTrip(last, 'hello');
  const end = endOf(last);
  last.write(RESET);
  return { echoed: count - failed.length, failed, reset: await end, elapsedMs };
}

async function exchange(port: number, number: number): Promise<void> {
  const socket = await dial(port);
  await roundTrip(socket, `connection ${number}`);
  const sent = Buffer.alloc(512 * 1024, `${number} `);
  const answer = readAll(socket);
  socket.end(sent);
  if (!(await answer).equals(sent)) throw new Error(`connection ${number} got something else back`);
}
