/** Whoever has a session on a machine or a database never has what logs in there: not in what comes and goes, not in the memory of any program on their side, not in a recording. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AccessClient, connectAccess } from '../../src/access/client/index.ts';
import { SftpClient } from '../../src/cli/pam/copy/sftp-client.ts';
import { packageRoot } from '../../src/launcher/runtime.js';
import { launch } from '../workloads/connection/ssh/in-process.ts';
import { type SshServer, sshServerMissing, startSshServer } from '../workloads/connection/ssh/ssh-server.ts';
import type { Pool } from './harness/pool.ts';
import { memoryHolds } from './harness/process-search.ts';
import { type CommandResult, runCommand, startProgram } from './harness/program.ts';
import { PATIENTLY } from './harness/scale.ts';
import { filesWith, formsOf, holdsAny } from './harness/search-files.ts';
import { useSharedPools } from './harness/shared-pool.ts';
import { useTunnels } from './harness/tunnel.ts';
import { needs, until } from './harness/until.ts';
import { type MariadbServer, mariadbMissing, startMariadb } from './targets/mariadb-server.ts';
import { type PostgresServer, postgresMissing, startPostgres } from './targets/postgres-server.ts';

const isMissing = (sshServerMissing() ?? postgresMissing() ?? mariadbMissing()) !== undefined;
const formPool = useSharedPools();
const startTunnel = useTunnels();
const PAM = join(packageRoot, 'src', 'launcher', 'pam.js');
const PASSWORD = `planted-${Math.random().toString(36).slice(2)}-${Math.random().toString(36).slice(2)}`;
let pool: Pool;
let server: SshServer;
let postgres: PostgresServer;
let mariadb: MariadbServer;
let client: AccessClient;
/** Everything that logs in anywhere here, in every form. */
let secrets: readonly Buffer[];
/** The same in the forms in which a running program has text: the whole memory is searched for each. */
let secretsInMemory: readonly Buffer[];
const children: ChildProcess[] = [];
/** What came to this side and what left it, decrypted. */
const traffic: Buffer[] = [];

function environment(): Readonly<Record<string, string>> {
  return { PAM_PROFILE: pool.profileFile, HOME: pool.folder };
}

async function pam(args: readonly string[], input?: string): Promise<CommandResult> {
  const given = input === undefined ? {} : { input };
  return runCommand({ program: 'pam', args, env: environment(), ...given });
}

async function addRecord(title: string, port: number, more: readonly string[], input: string): Promise<void> {
  const fields = ['--title', title, '--host', '127.0.0.1', '--port', String(port), ...more];
  const type = more.includes('ssh') ? 'machine' : 'database';
  const added = await pam(['record', 'add', '--type', type, ...fields], input);
  expect(added, added.stderr).toMatchObject({ code: 0 });
}

/** Starts `pam` with its input kept open. */
function start(args: readonly string[]): ChildProcess & { readonly said: () => string } {
  const child = startProgram({ program: 'pam', args, env: environment(), input: '' });
  children.push(child);
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return Object.assign(child, { said: () => Buffer.concat(chunks).toString() });
}

/** The seed of an Ed25519 key, which stands in no form of the key as it is written. */
function seedOf(privateKey: string): Buffer {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return Buffer.from(createPrivateKey(key.getPrivatePEM()).export({ format: 'jwk' }).d ?? '', 'base64url');
}

/** Both directions of whatever goes through it. */
function tap<
  S extends {
    on(event: 'data', take: (chunk: Buffer) => void): unknown;
    write(chunk: never, ...more: never[]): boolean;
  },
>(stream: S): S {
  const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
  stream.on('data', (chunk) => traffic.push(Buffer.from(chunk)));
  return Object.assign(stream, {
    write: (chunk: Uint8Array | string, ...more: unknown[]) => {
      traffic.push(Buffer.from(chunk as Uint8Array));
      return write(chunk, ...more);
    },
  });
}

describe.skipIf(isMissing)('what logs in at a target', PATIENTLY, () => {
  beforeAll(async () => {
    [pool, server, postgres, mariadb] = await Promise.all([
      formPool({ instances: 2 }),
      startSshServer(),
      startPostgres(),
      startMariadb(),
    ]);
    await postgres.addRole({ name: 'app', password: PASSWORD, authentication: 'scram-sha-256' });
    await mariadb.addUser({ name: 'app', password: PASSWORD });
    const keyFile = join(pool.folder, 'key-of-the-target');
    writeFileSync(keyFile, server.privateKey, { mode: 0o600 });
    await addRecord(
      'web-1',
      server.port,
      ['--protocol', 'ssh', '--user', server.user, '--password-stdin'],
      server.password,
    );
    await addRecord(
      'web-2',
      server.port,
      ['--protocol', 'ssh', '--user', server.user, '--private-key-file', keyFile],
      '',
    );
    writeFileSync(keyFile, '');
    for (const [title, protocol, port] of [
      ['orders', 'postgres', postgres.port],
      ['shop', 'mysql', mariadb.port],
    ] as const)
      await addRecord(title, port, ['--protocol', protocol, '--user', 'app', '--password-stdin'], PASSWORD);
    const [, , keyLine = ''] = server.privateKey.split('\n');
    const texts = [PASSWORD, server.password, keyLine];
    secretsInMemory = [
      ...texts.flatMap((text) => [Buffer.from(text), Buffer.from(text, 'utf16le')]),
      seedOf(server.privateKey),
    ];
    secrets = [
      ...[...texts, seedOf(server.privateKey)].flatMap((secret) => formsOf(secret)),
      ...texts.map((text) => Buffer.from(text, 'utf16le')),
    ];
    const { key, poolKey, addresses } = pool.profile();
    client = await connectAccess(
      { keySeed: key.reveal(), grant: null, addresses, poolKey },
      AbortSignal.timeout(20_000),
    );
    const duplex = client.duplex.bind(client);
    client.duplex = (stream) => tap(duplex(stream));
  }, 90_000);
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  afterAll(async () => {
    await client?.stop();
    await Promise.all([server?.stop(), postgres?.stop(), mariadb?.stop()]);
  });

  it('would be found, were it there', () => {
    const key = Buffer.concat([Buffer.from('x'), seedOf(server.privateKey)]);
    for (const there of [Buffer.from(`a${PASSWORD}`), Buffer.from(`a${server.password}`, 'utf16le'), key])
      expect(holdsAny(there, secrets)).toBe(true);
  });

  it.each(['web-1', 'web-2'])(
    'is in nothing that comes and goes in a session on %s, with a shell or files',
    async (title) => {
      const shown = await pam(['record', 'show', title, '--json']);
      const { record: recordId }: { readonly record: string } = JSON.parse(shown.stdout);
      const session = await launch(client, { recordId, terminal: { name: 'xterm', columns: 80, rows: 24 } });
      session.input.write('echo traffic-$((40 + 2)); exit\n');
      await session.ended;
      expect(holdsAny(Buffer.concat(traffic), [Buffer.from('traffic-42')])).toBe(true);
      const files = await launch(client, { recordId, mode: 'files' });
      const sftp = new SftpClient(
        files.input,
        files.replies,
        files.ended.then(() => new Error('over')),
      );
      await sftp.start();
      await sftp.stat('.');
      files.input.end();
      await files.ended;
      expect(holdsAny(Buffer.concat(traffic), [Buffer.from('posix-rename@openssh.com')])).toBe(true);
      expect(holdsAny(Buffer.concat(traffic), secrets)).toBe(false);
    },
  );

  it('is in nothing that comes and goes between a driver and the local port', async () => {
    const [orders, shop] = [await startTunnel({ pool, record: 'orders' }), await startTunnel({ pool, record: 'shop' })];
    const driver = new Client({
      host: '127.0.0.1',
      port: orders.port,
      user: 'a',
      database: 'a',
      stream: () => tap(new Socket()),
    });
    await driver.connect();
    await driver.query("SELECT 'traffic-43' AS t");
    await driver.end();
    const other = await createConnection({
      user: 'a',
      stream: () => tap(new Socket().connect({ host: '127.0.0.1', port: shop.port })),
    });
    await other.query("SELECT 'traffic-44' AS t");
    for (const { processId } of [orders, shop]) {
      expect(memoryHolds(processId, [Buffer.from('traffic-43'), Buffer.from('traffic-44')])).toBe(true);
      expect(memoryHolds(processId, secretsInMemory)).toBe(false);
    }
    await other.end();
    for (const marker of ['traffic-43', 'traffic-44'])
      expect(holdsAny(Buffer.concat(traffic), [Buffer.from(marker)])).toBe(true);
    expect(holdsAny(Buffer.concat(traffic), secrets)).toBe(false);
  });

  it('is not in the memory of pam launch, pam cp and the program that pam launch opens', async () => {
    const shell = start(['launch', 'web-1', '--', 'echo memory-$((40 + 5)); sleep 60']);
    await until('it runs', { within: 20_000 }, () => needs(shell.said().includes('memory-45'), shell.said));
    expect(memoryHolds(shell.pid ?? 0, [Buffer.from('memory-45')])).toBe(true);
    expect(memoryHolds(shell.pid ?? 0, secretsInMemory)).toBe(false);
    writeFileSync(join(pool.folder, 'large'), Buffer.alloc(64 * 1024 * 1024, 'memory-46 '));
    const copy = start(['cp', join(pool.folder, 'large'), 'web-2:large']);
    await until('it copies', { within: 20_000, every: 5 }, () => needs(bytesOfPart() > 1024 * 1024, copy.said));
    copy.kill('SIGSTOP');
    expect(memoryHolds(copy.pid ?? 0, [Buffer.from('memory-46')])).toBe(true);
    expect(memoryHolds(copy.pid ?? 0, secretsInMemory)).toBe(false);
    const database = start(['launch', 'orders', '--', '-Atc', "SELECT 'memory-47' FROM pg_sleep(60)"]);
    const look =
      "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%memory-47%pg_sleep%' AND state = 'active' AND usename = 'app'";
    await until('it sleeps', { within: 20_000 }, async () => {
      const found = await postgres.sql(look);
      needs(JSON.stringify(found).includes('1'), database.said);
    });
    const opened = childrenOf(database.pid ?? 0);
    expect(opened.length).toBe(1);
    expect(opened.some((processId) => memoryHolds(processId, [Buffer.from('memory-47')]))).toBe(true);
    for (const processId of [database.pid ?? 0, ...opened]) expect(memoryHolds(processId, secretsInMemory)).toBe(false);
  });

  it('is not in the memory of pam proxy, nor in what an SSH client gets through it', async () => {
    const proxy = spawnProxy();
    const ssh = new ssh2.Client();
    ssh.on('error', () => undefined);
    const ready = once(ssh, 'ready');
    ssh.connect({ sock: proxy.wire, username: 'anybody', authHandler: ['none'] } as never);
    await ready;
    const { promise, resolve } = Promise.withResolvers<string>();
    ssh.exec('echo memory-$((40 + 8))', (_error, channel) =>
      channel.on('data', (chunk: Buffer) => resolve(String(chunk))),
    );
    expect(await promise).toBe('memory-48\n');
    expect(memoryHolds(proxy.processId, formsOf(pool.profile().gateway.name))).toBe(true);
    expect(memoryHolds(proxy.processId, secretsInMemory)).toBe(false);
    ssh.end();
  });

  it('is in no recording of these sessions, and in no file', async () => {
    const listed = await pam(['recording', 'list', '--json']);
    const { recordings }: { readonly recordings: readonly { readonly id: string }[] } = JSON.parse(listed.stdout);
    expect(recordings.length).toBeGreaterThanOrEqual(8);
    const casts = [];
    for (const { id } of recordings) {
      const file = join(pool.folder, `${id}.cast`);
      expect(await pam(['recording', 'export', id, '-o', file])).toMatchObject({ code: 0 });
      casts.push(readFileSync(file));
    }
    const all = Buffer.concat(casts);
    expect(holdsAny(all, [Buffer.from('traffic-43')])).toBe(true);
    expect(holdsAny(all, secrets)).toBe(false);
    expect(filesWith(pool.folder, secrets)).toEqual([]);
  });
});

/** How much of the large file has arrived. */
function bytesOfPart(): number {
  const part = readdirSync(server.home).find((name) => name.startsWith('.large.'));
  return part === undefined ? 0 : statSync(join(server.home, part)).size;
}

/** Somebody's own `ssh` has `pam proxy` as its wire. */
function spawnProxy(): { readonly wire: Duplex; readonly processId: number } {
  const env = { PATH: process.env['PATH'], ...environment() };
  const child = spawn(process.execPath, [PAM, 'proxy', 'web-1'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  return { wire: Duplex.from({ readable: child.stdout, writable: child.stdin }), processId: child.pid ?? 0 };
}

function childrenOf(processId: number): readonly number[] {
  const text = readFileSync(`/proc/${processId}/task/${processId}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
