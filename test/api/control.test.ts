/** The control socket, with a real socket in a real directory. */

import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CONTROL_REQUEST_BYTES_MAX } from '../../src/api/bounds.ts';
import { askControl } from '../../src/api/client.ts';
import { type ControlService, type ControlSource, startControl } from '../../src/api/index.ts';
import { JOBS, NOW_UNIX_MS, portOf, SELF, sourceOf } from './pool.ts';

const signal = AbortSignal.timeout(60_000);
let folder: string;
const services: ControlService[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'control-'));
});

afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(directory: string, changes: Partial<ControlSource> = {}): Promise<ControlService> {
  const service = await startControl(sourceOf(directory, changes));
  services.push(service);
  return service;
}

/** Sends bytes as they are and gives everything that comes back until the end. */
async function exchange(address: string, bytes: string | Uint8Array): Promise<string> {
  const socket: Socket = connect(address);
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  socket.end(bytes);
  await once(socket, 'close');
  return text;
}

describe('asking a running instance', () => {
  it('answers every report', async () => {
    await serve(folder);
    for (const kind of [
      'pool',
      'status',
      'members',
      'admission',
      'load',
      'topic',
      'policy',
      'jobs',
      'events',
      'health',
      'bundle',
    ] as const) {
      expect(await askControl(folder, { kind }, signal), kind).toBeTypeOf('object');
    }
  });

  it('asks the pool for the path of a job, in the order of time', async () => {
    await serve(folder);
    const { steps, job } = await askControl(folder, { kind: 'trace', jobId: JOBS[0]?.jobId ?? '' }, signal);
    expect(steps.map(({ what }) => what)).toEqual(['submitted', 'forwarded', 'accepted', 'running']);
    expect(job).toMatchObject({ recordTitle: 'web-1', state: 'running' });
  });

  it('says when nobody knows a job', async () => {
    await serve(folder);
    await expect(askControl(folder, { kind: 'trace', jobId: 'unknown' }, signal)).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('lists no more than was asked for', async () => {
    await serve(folder);
    expect((await askControl(folder, { kind: 'jobs', most: 1 }, signal)).jobs).toHaveLength(1);
    expect((await askControl(folder, { kind: 'events', most: 1 }, signal)).events.map(({ event }) => event)).toEqual([
      'member-suspected',
    ]);
  });

  it('drains and stops, and says whose end to wait for', async () => {
    const done: string[] = [];
    await serve(folder, { drain: () => void done.push('drain'), stop: () => void done.push('stop') });
    expect(await askControl(folder, { kind: 'drain' }, signal)).toMatchObject({ instanceId: SELF, processId: 4711 });
    await askControl(folder, { kind: 'stop' }, signal);
    expect(done).toEqual(['drain', 'stop']);
  });

  it('passes on what the core refuses', async () => {
    const queryJob = async () =>
      ({ kind: 'refused', failure: { code: 'deadline-passed', message: 'too late' } }) as const;
    await serve(folder, { port: portOf({ queryJob }) });
    const asked = askControl(folder, { kind: 'trace', jobId: 'x' }, signal);
    await expect(asked).rejects.toMatchObject({ code: 'deadline-passed', message: 'too late' });
  });

  it('answers several requests of one connection in their order', async () => {
    const { address } = await serve(folder);
    const text = await exchange(address, '{"kind":"topic"}\n{"kind":"health"}\n');
    const answers = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers.map(({ ok }) => ok)).toEqual([true, true]);
    expect(answers[0].value.poolId).toBe('ltpnezb6e3dwhvxh');
    expect(answers[1].value.healthy).toBe(true);
  });
});

describe('bad callers', () => {
  it.each([
    ['no JSON', 'members\n'],
    ['an unknown request', '{"kind":"format-disk"}\n'],
    ['an unknown key', '{"kind":"members","x":1}\n'],
    ['a number out of range', '{"kind":"jobs","most":0}\n'],
    ['a number that is none', '{"kind":"events","most":"all"}\n'],
    ['a job id that is too long', `{"kind":"trace","jobId":"${'x'.repeat(200)}"}\n`],
    ['null', 'null\n'],
  ])('are told: %s', async (_, line) => {
    const { address } = await serve(folder);
    expect(JSON.parse(await exchange(address, line))).toMatchObject({ ok: false, error: { code: 'bad-message' } });
  });

  it('are cut off when a line does not end, and the instance goes on', async () => {
    const { address } = await serve(folder);
    expect(await exchange(address, 'x'.repeat(CONTROL_REQUEST_BYTES_MAX + 2))).toBe('');
    expect(await exchange(address, `${' '.repeat(CONTROL_REQUEST_BYTES_MAX + 2)}\n`)).toBe('');
    expect(await askControl(folder, { kind: 'topic' }, signal)).toHaveProperty('topic');
  });

  it('do not keep the instance from stopping', async () => {
    const { address } = await serve(folder);
    const idle = connect(address);
    await once(idle, 'connect');
    const closed = once(idle, 'close');
    idle.resume();
    await services.pop()?.stop();
    await closed;
  });
});

describe('the socket', () => {
  it('is for its user alone', async () => {
    const { address } = await serve(folder);
    expect(address).toBe(join(folder, 'control.sock'));
    expect(statSync(address).mode & 0o777).toBe(0o600);
  });

  it('leaves other files their usual mode', async () => {
    await serve(folder);
    writeFileSync(join(folder, 'other'), '', { mode: 0o644 });
    expect(statSync(join(folder, 'other')).mode & 0o777).toBe(0o644);
  });

  it('takes the place of one that a killed process left', async () => {
    const dead = createServer().listen(join(folder, 'control.sock'));
    await once(dead, 'listening');
    await serve(folder);
    expect(await askControl(folder, { kind: 'topic' }, signal)).toHaveProperty('topic');
    dead.close();
  });

  it('is gone after the stop', async () => {
    await serve(folder);
    await services.pop()?.stop();
    expect(existsSync(join(folder, 'control.sock'))).toBe(false);
  });
});

describe('a path that is too long for a socket', () => {
  let long: string;
  let temporary: string;

  beforeEach(() => {
    long = join(folder, 'd'.repeat(60), 'e'.repeat(60));
    mkdirSync(long, { recursive: true });
    temporary = join(folder, 't');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
  });

  afterEach(() => vi.unstubAllEnvs());

  it('moves the socket to a private folder and is found there', async () => {
    const { address } = await serve(long);
    expect(address.startsWith(temporary)).toBe(true);
    expect(statSync(dirname(address)).mode & 0o777).toBe(0o700);
    expect(statSync(address).mode & 0o777).toBe(0o600);
    expect(await askControl(long, { kind: 'topic' }, signal)).toHaveProperty('topic');
  });

  it('is found by a caller whose temporary folder is another one', async () => {
    await serve(long);
    vi.stubEnv('TMPDIR', folder);
    expect(await askControl(long, { kind: 'topic' }, signal)).toHaveProperty('topic');
  });

  it('leaves nothing behind', async () => {
    const { address } = await serve(long);
    await services.pop()?.stop();
    expect(existsSync(address)).toBe(false);
    expect(existsSync(join(long, 'control.path'))).toBe(false);
  });

  it('is refused where others may write into that folder', async () => {
    const { address } = await serve(long);
    chmodSync(dirname(address), 0o777);
    try {
      await expect(askControl(long, { kind: 'topic' }, signal)).rejects.toMatchObject({ code: 'data-directory' });
      expect(readFileSync(join(long, 'control.path'), 'utf8').trim()).toBe(address);
    } finally {
      chmodSync(dirname(address), 0o700);
    }
  });
});

describe('asking where nothing answers', () => {
  it('says that no instance runs there and how to start one', async () => {
    const asked = askControl(folder, { kind: 'members' }, signal);
    await expect(asked).rejects.toMatchObject({
      code: 'unreachable',
      exitCode: 5,
      message: `no instance runs on the data directory ${folder}`,
      remedy: expect.stringContaining(`gateway start --config-file gateway-config.json --data-dir ${folder}`),
    });
  });

  it('says the same of a directory that is not there and of a socket nobody listens on', async () => {
    await expect(askControl(join(folder, 'none'), { kind: 'members' }, signal)).rejects.toMatchObject({
      code: 'unreachable',
    });
    writeFileSync(join(folder, 'control.sock'), '');
    await expect(askControl(folder, { kind: 'members' }, signal)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('gives up on an instance that hangs', { timeout: 20_000 }, async () => {
    const hung = createServer((socket) => socket.resume()).listen(join(folder, 'control.sock'));
    await once(hung, 'listening');
    try {
      await expect(askControl(folder, { kind: 'members' }, signal)).rejects.toMatchObject({ code: 'timeout' });
    } finally {
      hung.close();
    }
  });

  it('notices an instance that ends while it is asked', async () => {
    const ending = createServer((socket) => socket.destroy()).listen(join(folder, 'control.sock'));
    await once(ending, 'listening');
    try {
      await expect(askControl(folder, { kind: 'members' }, signal)).rejects.toMatchObject({ code: 'unreachable' });
    } finally {
      ending.close();
    }
  });
});

describe('what is answered', () => {
  it('says the same of admission on every instance that sees the same', async () => {
    await serve(folder);
    const text = JSON.stringify(await askControl(folder, { kind: 'admission' }, signal));
    expect(text).not.toContain('lastHeardMs');
    expect(text).not.toContain('"self"');
  });

  it('counts up from the start of the instance', async () => {
    await serve(folder);
    const status = await askControl(folder, { kind: 'status' }, signal);
    expect(status).toMatchObject({ uptimeMs: 3_600_000, startedAt: new Date(NOW_UNIX_MS - 3_600_000).toISOString() });
  });
});
