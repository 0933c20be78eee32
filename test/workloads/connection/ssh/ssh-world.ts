/** A gateway in this process, with real sockets, in front of a real OpenSSH server; `pam` runs as a process of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../../../src/base/secret.ts';
import { saveProfile } from '../../../../src/config/index.ts';
import { Archive, createRecorder, Desk } from '../../../../src/recording/index.ts';
import type { Credential } from '../../../../src/vault/index.ts';
import type { TargetRecord } from '../../../../src/wire/record.ts';
import { createWorkloads, openHostKeyFile } from '../../../../src/workloads/index.ts';
import { admin, poolKey, TestMember, TestPool, testSeed } from '../../../access/pool.ts';
import { packageMain } from '../../../cli/program.ts';
import { MemoryVault, NO_CREDENTIAL } from '../../memory-vault.ts';
import { type SshServer, type SshServerInit, startSshServer } from './ssh-server.ts';

/** How a process ended. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A credential out of plain texts. */
export interface PlainCredential {
  readonly password?: string;
  readonly privateKey?: string;
  readonly passphrase?: string;
  readonly certificate?: string;
}

function credentialOf({ password, privateKey, passphrase, certificate }: PlainCredential): Credential {
  const secret = (text: string | undefined): Secret<string> | null => (text === undefined ? null : new Secret(text));
  return {
    ...NO_CREDENTIAL,
    password: secret(password),
    privateKey: secret(privateKey),
    passphrase: secret(passphrase),
    certificate: certificate ?? null,
  };
}

/** Everything of one test file. */
export class SshWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'pam-ssh-'));
  readonly pool = new TestPool();
  readonly vault = new MemoryVault();
  readonly server: SshServer;
  readonly members: TestMember[] = [];
  /** Of the first instance. */
  desk: Desk | undefined;
  readonly archive: Archive;
  readonly profile = join(this.folder, 'profile.json');
  readonly #recordingKey = new Secret(testSeed('recordings'));

  private constructor(server: SshServer) {
    this.server = server;
    this.archive = new Archive(join(this.folder, 'recordings'), this.#recordingKey);
  }

  /** Starts the server and one instance. */
  static async start(init: SshServerInit = {}): Promise<SshWorld> {
    const world = new SshWorld(await startSshServer(init));
    await world.addMember('member-0');
    return world;
  }

  /** Starts another instance. */
  async addMember(label: string): Promise<TestMember> {
    const member = new TestMember(this.pool, label);
    const recorder = createRecorder({
      folder: join(this.folder, 'recordings'),
      instanceId: member.id,
      poolKey: this.#recordingKey,
    });
    const workloads = createWorkloads({
      recorder,
      hostKeys: openHostKeyFile(join(this.folder, `host-keys-${label}.json`)),
      proxyKey: () => new Secret(testSeed('proxy')),
      findRecords: (named) => this.pool.records.filter(({ recordId, title }) => [recordId, title].includes(named)),
    });
    const desk = new Desk(this.archive, recorder);
    this.desk ??= desk;
    await member.start({ workloads, desk, vault: this.vault });
    this.members.push(member);
    this.#writeProfile();
    return member;
  }

  /** Adds a record of the server; the password is its credential unless said. */
  addRecord(
    title: string,
    init: {
      readonly labels?: Readonly<Record<string, string>>;
      readonly credential?: PlainCredential;
      readonly port?: number;
    } = {},
  ): TargetRecord {
    const { user, password, port } = this.server;
    const made = this.pool.addRecord('127.0.0.1', init.port ?? port, title);
    const labels = Object.entries(init.labels ?? {}).map(([key, value]) => ({ key, value }));
    const record: TargetRecord = { ...made, protocol: 'ssh', user, labels };
    this.pool.records.splice(this.pool.records.indexOf(made), 1, record);
    const credential: Credential = credentialOf(init.credential ?? { password });
    this.vault.set(record.recordId, credential);
    return record;
  }

  /** Starts `pam` with the admin's profile. */
  startPam(args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [packageMain('pam'), ...args], { env: this.environment(), stdio: 'pipe' });
  }

  /** What `pam` is started with. */
  environment(): Readonly<Record<string, string>> {
    const { PATH = '' } = process.env;
    return { PATH, HOME: this.folder, PAM_PROFILE: this.profile, TERM: 'xterm-256color', LANG: 'C.UTF-8' };
  }

  /** Runs `pam` to its end, with this as its standard input. */
  async pam(args: readonly string[], input: string | Uint8Array = ''): Promise<Ran> {
    const child = this.startPam(args);
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    return follow(child);
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    for (const member of this.members) await member.stop();
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #writeProfile(): void {
    saveProfileOf(this);
  }
}

function saveProfileOf({ profile, pool, members }: SshWorld): void {
  const key = testSeed('admin');
  saveProfile(
    profile,
    {
      gateway: { uid: pool.uid, name: 'test' },
      adminKeys: [admin.id],
      threshold: 1,
      poolKey: poolKey.id,
      key: new Secret(key),
      keyId: admin.id,
      role: 'admin',
      name: 'admin',
      grant: null,
      addresses: members.map((member) => member.address()),
    },
    { replace: true },
  );
}

/** Waits for the end of a process. */
export async function follow(child: ChildProcess): Promise<Ran> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [code]: unknown[] = await once(child, 'close');
  return {
    code: typeof code === 'number' ? code : null,
    stdout: Buffer.concat(stdout).toString('latin1'),
    stderr: Buffer.concat(stderr).toString(),
  };
}
