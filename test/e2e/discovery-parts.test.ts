/** A large range, cut into parts that the instances of a pool look at side by side; one of them is killed half-way. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import type { Instance } from './harness/instance.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { needs, until } from './harness/until.ts';

const ADDRESSES = 16_384;
/** One in each eighth of the range, and both ends. */
const HOSTS = [
  '127.88.0.0',
  '127.88.7.7',
  '127.88.15.1',
  '127.88.23.3',
  '127.88.31.9',
  '127.88.40.2',
  '127.88.55.5',
  '127.88.63.255',
];

const makePool = usePools();
let pool: Pool;
let instances: readonly Instance[] = [];
const servers: Server[] = [];
let port = 0;
beforeAll(async () => {
  for (const host of HOSTS) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.resume().end('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n');
    }).listen(port, host);
    await once(server, 'listening');
    const address = server.address();
    port = address === null || typeof address === 'string' ? 0 : address.port;
    servers.push(server);
  }
}, 60_000);
afterAll(async () => {
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
});

interface Discovery {
  readonly jobId: string;
  readonly state: string;
  readonly found: readonly { readonly host: string; readonly service: string }[];
  readonly tried: number;
  readonly parts: number;
}

function start(rate: number, ...more: readonly string[]): ReturnType<Pool['pam']> {
  const range = ['--target', '127.88.0.0/18', '--ports', String(port), '--rate', String(rate)];
  return pool.pam(['action', 'discover', 'start', ...range, ...more, '--json']);
}

async function discoveries(): Promise<
  readonly { readonly jobId: string; readonly state: string; readonly donePerMille: number }[]
> {
  const { stdout } = await pool.pam(['action', 'discover', 'status', '--json']);
  return JSON.parse(stdout).discoveries;
}

const names = ['a', 'b', 'c'];

async function form(): Promise<void> {
  pool = makePool({ maxInstances: 3, bootstrap: names });
  instances = names.map((name) => pool.start(name));
  await untilAgreed(instances, { holders: names });
}

function expectAll(whole: Discovery, jobId: string): void {
  expect(whole).toMatchObject({ jobId, state: 'succeeded', tried: ADDRESSES, parts: 4 });
  expect(whole.found.map(({ host, service }) => [host, service])).toEqual(
    expect.arrayContaining(HOSTS.map((host) => [host, 'ssh'])),
  );
  expect(whole.found).toHaveLength(HOSTS.length);
}

it('finds everything although a worker is killed half-way, and keeps others from the range meanwhile', async () => {
  await form();
  const running = start(2000, '--wait');
  const one = await until('a part is under way', { within: 20_000 }, async () => {
    const found = (await discoveries()).find(({ state, donePerMille }) => state === 'running' && donePerMille > 100);
    needs(found !== undefined, 'none yet');
    return found;
  });
  const second = await start(2000, '--wait');
  expect([second.code, second.stderr]).toEqual([
    1,
    expect.stringContaining(`discovery ${one.jobId} of the same range runs`),
  ]);
  const victim = await workerOf(one.jobId);
  await victim.kill();
  const result = await running;
  expect(result.code, result.stderr).toBe(0);
  expect(result.stderr).toContain('goes on elsewhere');
  expectAll(JSON.parse(result.stdout), one.jobId);
}, 90_000);

/** What its beginner, who is no admin, sees of it; throws until it is in this state. */
async function untilState(jobId: string, state: string, entry: readonly string[]): Promise<Discovery> {
  return until(`it is ${state}`, { within: 60_000, every: 500 }, async () => {
    const shown = await pool.pam(['action', 'discover', 'status', '-j', jobId, ...entry, '--json']);
    needs(shown.stdout !== '', shown.stderr);
    const known: Discovery = JSON.parse(shown.stdout);
    needs(known.state === state, shown.stdout.slice(0, 300));
    return known;
  });
}

it('finds everything although nobody waits for it and a worker is killed half-way; and can be cancelled as a whole', async () => {
  await form();
  const profile = join(pool.folder, 'alice.json');
  const made = await pool.pam(['grant', 'new', '--name', 'alice', '--out', profile, '--allow', 'discovery:*']);
  expect(made.code, made.stderr).toBe(0);
  const asAlice = ['--profile', profile];
  const { stdout, stderr } = await start(2000, ...asAlice);
  expect(stderr).toBe('');
  const { jobId } = JSON.parse(stdout);
  const victim = await until('parts are under way', { within: 20_000 }, () => workerOf(jobId));
  await victim.kill();
  const left = names.find((name) => name !== victim.name) ?? 'a';
  const entry = [...asAlice, '--address', pool.site(left).access];
  expectAll(await untilState(jobId, 'succeeded', entry), jobId);

  const second = JSON.parse((await start(100, ...entry)).stdout);
  await until('parts are under way', { within: 20_000 }, () => workerOf(second.jobId));
  const cancelled = await pool.pam(['action', 'job-cancel', second.jobId, ...entry]);
  expect([cancelled.code, cancelled.stdout]).toEqual([0, `${second.jobId}: cancelled\n`]);
  expect((await untilState(second.jobId, 'cancelled', entry)).found).toEqual([]);
}, 120_000);

/** An instance that looks at a part right now. */
async function workerOf(parent: string): Promise<Instance> {
  for (const instance of instances.filter(({ isRunning }) => isRunning)) {
    const { jobs } = await instance.ask({ kind: 'jobs', most: 100 });
    const self = await instance.id();
    const mine = jobs.some((job) => job.parent === parent && job.state === 'running' && job.worker === self);
    if (mine) return instance;
  }
  throw new Error('nobody works');
}
