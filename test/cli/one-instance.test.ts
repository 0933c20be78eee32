/** Both programs against one real instance, as an admin meets them on the first day. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { debugDocuments, gatewayList, job, maxInstancesSet, tunnelStarted } from './contract.ts';
import { follow, lastLine, type Ran, run, start } from './program.ts';

const DEADLINE_MS = 40_000;
const folder = mkdtempSync(join(tmpdir(), 'one-'));
const env = { HOME: folder, PAM_PROFILE: join(folder, 'g', 'admin-profile.json') };
const children: ChildProcess[] = [];
let echo: Server;
let echoPort: number;
let instance: Promise<Ran>;
let uid: string;

function pam(...args: readonly string[]): Promise<Ran> {
  return run({ program: 'pam', args, env });
}

function gateway(...args: readonly string[]): Promise<Ran> {
  return run({ program: 'gateway', args: [...args, '--data-dir', join(folder, 'd1')], env });
}

function startGateway(name: string, ...args: readonly string[]): ChildProcess {
  const fixed = [
    '--name',
    name,
    '--data-dir',
    join(folder, name),
    '--listen-mesh',
    '127.0.0.1:0',
    '--listen-access',
    '127.0.0.1:0',
  ];
  const config = join(folder, 'g', 'gateway-config.json');
  const rest = ['--no-mdns', '--http', 'off', '--log-format', 'json', '--config-file', config, ...args];
  const child = start({ program: 'gateway', args: ['start', ...fixed, ...rest], env });
  children.push(child);
  return child;
}

function parse(ran: Ran): unknown {
  expect(ran.stderr).toBe('');
  expect(ran.stdout.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(ran.stdout);
}

/** The first line a process prints. */
async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.includes('\n')) return text.slice(0, text.indexOf('\n'));
  }
  throw new Error('ended without a line');
}

/** Asks until the answer holds; says what it was last when the time is up. */
async function eventually(ask: () => Promise<Ran>, holds: (ran: Ran) => boolean): Promise<Ran> {
  const untilMs = performance.now() + DEADLINE_MS;
  for (;;) {
    const ran = await ask();
    if (holds(ran)) return ran;
    if (performance.now() > untilMs) throw new Error(`not in time: ${JSON.stringify(ran)}`);
    await delay(50);
  }
}

/** Sends text through a port and gives what comes back until the end. */
async function exchange(port: number, text: string): Promise<string> {
  const socket: Socket = connect({ host: '127.0.0.1', port });
  let got = '';
  socket.on('data', (chunk) => {
    got += chunk.toString();
  });
  socket.end(text);
  await once(socket, 'close');
  return got;
}

beforeAll(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => undefined).pipe(socket)).listen(
    0,
    '127.0.0.1',
  );
  await once(echo, 'listening');
  const bound = echo.address();
  echoPort = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const made = await pam('gateway', 'new', '-n', 'prod-eu', '-m', '1', '-o', join(folder, 'g'), '--json');
  uid = JSON.parse(made.stdout).gateway_uid;
  instance = follow(startGateway('d1'));
  await eventually(
    () => gateway('health-check'),
    ({ code }) => code === 0,
  );
  const { listen } = debugDocuments.status.parse(parse(await gateway('debug', 'status', '--json')));
  // The profile's addresses were not known when it was made.
  const profile = JSON.parse(readFileSync(env.PAM_PROFILE, 'utf8'));
  writeFileSync(env.PAM_PROFILE, JSON.stringify({ ...profile, addresses: listen.access }));
}, 60_000);

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  echo.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('an admin', { timeout: 60_000 }, () => {
  it('has got private files that nothing overwrites', async () => {
    for (const file of ['gateway-config.json', 'admin-profile.json'])
      expect(statSync(join(folder, 'g', file)).mode & 0o777).toBe(0o600);
    const again = await pam('gateway', 'new', '-n', 'x', '-m', '1', '-o', join(folder, 'g'));
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('exists');
  });

  it('lists the pool', async () => {
    const list = gatewayList.parse(parse(await pam('gateway', 'list', '--format', 'json')));
    expect(list.gateways[0]).toMatchObject({ gateway_uid: uid, status: 'ONLINE', max_instances: 1, limit_version: 1 });
    expect((await pam('gateway', 'list')).stdout).toMatch(/prod-eu.*ONLINE.*limit 1 \(v1\)/);
  });

  it('sets the limit by name in any case, or by UID', async () => {
    const ran = await pam('gateway', 'set-max-instances', '-g', 'PROD-EU', '-m', '2');
    expect(ran).toMatchObject({
      code: 0,
      stdout: 'prod-eu: max instance count set to 2 (limit version 2, held by 1 of 1 instance)\n',
    });
    const set = maxInstancesSet.parse(parse(await pam('gateway', 'set-max-instances', '-g', uid, '-m', '1', '--json')));
    expect(set).toMatchObject({ max_instances: 1, version: 3, held_by: 1, of: 1 });
    const policy = debugDocuments.policy.parse(parse(await gateway('debug', 'policy', '--json')));
    expect(policy).toMatchObject({ maxInstances: 1, version: 3 });
  });

  it('is told of a gateway that is not there', async () => {
    const ran = await pam('gateway', 'set-max-instances', '-g', 'nope', '-m', '2');
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/^error: Gateway "nope" not found\n/);
  });

  it('sees a second instance refused, with the reason last and the holder above', async () => {
    const { listen } = debugDocuments.status.parse(parse(await gateway('debug', 'status', '--json')));
    const refused = await follow(startGateway('d2', '--peer', listen.mesh[0] ?? ''));
    expect(refused.code).toBe(3);
    expect(lastLine(refused.stderr)).toBe('Maximum instances reached: 1 of 1 (this instance would be rank 1)');
    expect(refused.stderr.trimEnd().split('\n').at(-2)).toContain('d1');
    expect(refused.stdout).toBe('');
  });

  it('sees a second process on the same data directory refused', async () => {
    const refused = await follow(startGateway('d1'));
    expect(refused.code).toBe(2);
    expect(lastLine(refused.stderr)).not.toBe('');
  });

  it('hands nothing to an instance that cannot prove that it belongs to the pool', async () => {
    const profile = JSON.parse(readFileSync(env.PAM_PROFILE, 'utf8'));
    const other = join(folder, 'other-pool.json');
    writeFileSync(other, JSON.stringify({ ...profile, poolKey: profile.adminKeys[0] }), { mode: 0o600 });
    const ran = await pam('gateway', 'list', '--profile', other);
    expect(ran.stdout).toBe('');
    expect([4, 5]).toContain(ran.code);
  });

  it('is told when nobody can be reached', async () => {
    const profile = JSON.parse(readFileSync(env.PAM_PROFILE, 'utf8'));
    const elsewhere = join(folder, 'elsewhere.json');
    writeFileSync(elsewhere, JSON.stringify({ ...profile, addresses: ['127.0.0.1:1'] }), { mode: 0o600 });
    expect(await pam('gateway', 'list', '--profile', elsewhere)).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('127.0.0.1:1'),
    });
    const forced = await pam('gateway', 'list', '--profile', elsewhere, '-f', '--json');
    expect(JSON.parse(forced.stdout).gateways[0]).toMatchObject({ status: 'UNKNOWN', gateway_uid: uid });
  });
});

describe('records and tunnels', { timeout: 60_000 }, () => {
  let recordId: string;

  it('are added once under a title', async () => {
    const add = [
      'record',
      'add',
      '--type',
      'machine',
      '--title',
      'echo',
      '--host',
      '127.0.0.1',
      '--port',
      String(echoPort),
      '--json',
    ];
    const added = JSON.parse((await pam(...add)).stdout);
    expect(added).toMatchObject({ record: expect.any(String), title: 'echo' });
    recordId = added.record;
    expect(await pam(...add)).toMatchObject({ code: 1, stderr: expect.stringContaining('exists already') });
  });

  it('are shown, changed and removed', async () => {
    expect(JSON.parse((await pam('record', 'show', recordId, '--json')).stdout)).toMatchObject({
      title: 'echo',
      protocol: 'tcp',
      revision: 1,
    });
    expect(await pam('record', 'edit', 'echo', '--label', 'site=berlin')).toMatchObject({ code: 0 });
    expect((await pam('record', 'list')).stdout).toContain('site=berlin');
    expect(await pam('rotation', 'edit', '-r', 'echo', '--disable')).toMatchObject({ code: 0 });
    expect(await pam('record', 'edit', 'echo', '--label', 'site=paris')).toMatchObject({ code: 0 });
    expect(JSON.parse((await pam('record', 'show', 'echo', '--json')).stdout).labels).toEqual({
      site: 'paris',
      'rotation.disabled': 'yes',
    });
    const unknown = await pam('record', 'remove', 'ech');
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining(recordId) });
  });

  it('come from a file with their passwords, and leave without them', async () => {
    const file = join(folder, 'servers.csv');
    const rows = ['title,type,host,port,user,on,password', 'orders-app,user,,,app,orders,"ge,heim"'];
    writeFileSync(file, [...rows, 'orders,database,db.example,5432,,,'].join('\n'));
    expect(parse(await pam('record', 'import', file, '--json'))).toEqual({ added: 2, skipped: 0 });
    expect((await pam('record', 'show', 'orders-app', '--reveal')).stdout).toMatch(/^ {2}password +ge,heim$/m);
    const exported = await pam('record', 'export');
    expect(exported.stdout).toContain('"title":"orders-app"');
    expect(exported.stdout).not.toContain('heim');
    const again = await pam('record', 'import', file);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('line 2: a record "orders-app" exists') });
    expect(parse(await pam('record', 'import', file, '--skip-existing', '--json'))).toEqual({ added: 0, skipped: 2 });
    for (const title of ['orders-app', 'orders'])
      expect(await pam('record', 'remove', title)).toMatchObject({ code: 0 });
  });

  it('carry bytes, are listed and stopped from another terminal', async () => {
    const tunnel = start({ program: 'pam', args: ['tunnel', 'start', 'echo', '--json'], env });
    children.push(tunnel);
    const ended = once(tunnel, 'exit');
    const started = tunnelStarted.parse(JSON.parse(await firstLine(tunnel)));
    expect(started.record).toBe(recordId);
    expect(await exchange(Number(started.listening.split(':')[1]), 'hello')).toBe('hello');
    const listed = JSON.parse((await pam('tunnel', 'list', '--json')).stdout);
    expect(listed.tunnels).toMatchObject([
      { tunnelId: started.jobId, title: 'echo', listening: started.listening, connectionsTotal: 1 },
    ]);
    const jobs = debugDocuments.jobs.parse(parse(await gateway('debug', 'jobs', '--json'))).jobs;
    const connection = jobs.find(({ jobId }) => jobId !== started.jobId);
    expect(connection).toMatchObject({ kind: 'tunnel', record: recordId, bytesIn: 5, bytesOut: 5 });
    expect(job.parse(parse(await pam('action', 'job-info', connection?.jobId ?? '', '--json')))).toMatchObject({
      jobId: connection?.jobId,
    });
    debugDocuments.trace.parse(parse(await gateway('debug', 'trace', connection?.jobId ?? '', '--json')));
    expect(await pam('tunnel', 'stop', 'echo')).toMatchObject({
      code: 0,
      stdout: `Stopped tunnel: ${started.jobId}\n`,
    });
    expect(await ended).toEqual([0, null]);
    expect((await pam('tunnel', 'list')).stdout).toBe('No Tunnels running\n');
    expect(readdirSync(join(folder, '.pam', 'tunnels'))).toEqual([]);
  });

  it('end with 0 at Ctrl-C', async () => {
    const tunnel = start({ program: 'pam', args: ['tunnel', 'start', 'echo'], env });
    children.push(tunnel);
    const ended = once(tunnel, 'exit');
    expect(await firstLine(tunnel)).toMatch(/^Listening on 127\.0\.0\.1:\d+ → echo/);
    tunnel.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
  });

  it('are for users with a grant, and for nobody else', async () => {
    const allowed = join(folder, 'alice.json');
    const other = join(folder, 'bob.json');
    await pam('grant', 'new', '--name', 'alice', '--out', allowed, '--allow', 'tunnel:echo');
    await pam('grant', 'new', '--name', 'bob', '--out', other, '--allow', 'tunnel:something-else');
    expect(statSync(allowed).mode & 0o777).toBe(0o600);
    const diagnosed = await pam('tunnel', 'diagnose', 'echo', '--profile', allowed, '--json');
    expect(JSON.parse(diagnosed.stdout)).toMatchObject({ ok: true });
    expect(await pam('tunnel', 'start', 'echo', '--profile', other)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('the grant of bob lacks tunnel:echo'),
    });
    const raised = await pam('gateway', 'set-max-instances', '-g', uid, '-m', '9', '--profile', allowed);
    expect(raised).toMatchObject({ code: 4, stderr: expect.stringContaining('admin') });
  });
});

describe('the end', { timeout: 60_000 }, () => {
  it('leaves a bundle without the secrets of the configuration', async () => {
    const bundle = (await gateway('debug', 'bundle', '--json')).stdout;
    const { poolSecret } = JSON.parse(readFileSync(join(folder, 'g', 'gateway-config.json'), 'utf8'));
    const { key } = JSON.parse(readFileSync(env.PAM_PROFILE, 'utf8'));
    for (const secret of [poolSecret, key, Buffer.from(poolSecret, 'base64').toString('hex')])
      expect(bundle).not.toContain(secret);
    expect(JSON.parse(bundle).status.name).toBe('d1');
  });

  it('comes with a drain, after which the data directory is free', async () => {
    expect(await gateway('drain', '--json')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"drained":true'),
    });
    const ended = await instance;
    expect(ended).toMatchObject({ code: 0, stdout: '' });
    expect(await gateway('health-check')).toMatchObject({ code: 5 });
    const again = startGateway('d1');
    const closing = follow(again);
    await eventually(
      () => gateway('health-check'),
      ({ code }) => code === 0,
    );
    again.kill('SIGTERM');
    expect((await closing).code).toBe(0);
  });
});
