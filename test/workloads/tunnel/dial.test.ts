import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { dialTarget } from '../../../src/workloads/tunnel/dial.ts';

const NEVER = new AbortController().signal;
const servers: Server[] = [];
const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const close of closers.splice(0)) close();
});

/** A listener on a free port of loopback. */
async function listen(): Promise<number> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen({
    host: '127.0.0.1',
    port: 0,
  });
  servers.push(server);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A process that listens and then does nothing: once its queue is full, further connections get no answer at all. */
const SILENT_TARGET = `
  const server = require('node:net').createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

async function startSilentTarget(): Promise<number> {
  const child = spawn(process.execPath, ['-e', SILENT_TARGET], { stdio: ['ignore', 'pipe', 'inherit'] });
  closers.push(() => child.kill('SIGKILL'));
  const [text] = await once(child.stdout, 'data');
  const port = Number(text);
  for (let queued = 0; queued < 4; queued++) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    closers.push(() => socket.destroy());
  }
  return port;
}

describe('dialling a target', () => {
  it('gives a paused socket that stays open when the target has closed its direction', async () => {
    const port = await listen();
    const arriving = once(servers[0] ?? createServer(), 'connection');
    const socket = await dialTarget({ host: '127.0.0.1', port }, NEVER);
    expect([socket.isPaused(), socket.allowHalfOpen]).toEqual([true, true]);
    const [other] = await arriving;
    other.end();
    socket.resume();
    await once(socket, 'end');
    expect(socket.writable).toBe(true);
    socket.destroy();
  });

  it.each([
    ['127.0.0.1', 'target-refused', '127.0.0.1:1: connection refused, nothing listens there'],
    ['::1', 'target-refused', '[::1]:1: connection refused, nothing listens there'],
    ['no-such-host.invalid', 'target-unreachable', 'no-such-host.invalid:1: host name not found'],
    ['255.255.255.255', 'target-unreachable', /^255\.255\.255\.255:1: /],
  ])('says what is wrong with %s', async (host, code, message) => {
    const dialling = dialTarget({ host, port: 1 }, NEVER);
    await expect(dialling).rejects.toMatchObject({
      code,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });

  it('gives up on a target that does not answer', async () => {
    const port = await startSilentTarget();
    const dialling = dialTarget({ host: '127.0.0.1', port }, NEVER, 200);
    await expect(dialling).rejects.toMatchObject({
      code: 'target-timeout',
      message: `127.0.0.1:${port} did not answer within 0.2 s`,
    });
  });

  it('ends with the job', async () => {
    const cancel = new AbortController();
    const dialling = dialTarget({ host: '127.0.0.1', port: await startSilentTarget() }, cancel.signal);
    cancel.abort();
    await expect(dialling).rejects.toMatchObject({ code: 'cancelled' });
    await expect(dialTarget({ host: '127.0.0.1', port: 1 }, cancel.signal)).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});
