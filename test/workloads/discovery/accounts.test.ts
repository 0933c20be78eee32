/** What real servers tell about their accounts to whoever is logged in there. */

import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { Secret } from '../../../src/base/secret.ts';
import type { Credential } from '../../../src/vault/index.ts';
import type { JobNotice } from '../../../src/wire/job.ts';
import type { TargetRecord } from '../../../src/wire/record.ts';
import { readReport } from '../../../src/workloads/discovery/accounts/linux-report.ts';
import { createDiscovery } from '../../../src/workloads/discovery/index.ts';
import type { TaskOutcome } from '../../../src/workloads/task.ts';
import { type LdapServer, ldapMissing, startLdap } from '../../e2e/targets/ldap-server.ts';
import { type LinuxServer, linuxServerMissing, startLinuxServer } from '../../e2e/targets/linux-server.ts';
import { type MariadbServer, mariadbMissing, startMariadb } from '../../e2e/targets/mariadb-server.ts';
import { type PostgresServer, postgresMissing, startPostgres } from '../../e2e/targets/postgres-server.ts';
import { MemoryVault, NO_CREDENTIAL } from '../memory-vault.ts';

const PASSWORD = 'The-first-passw0rd';
const worker = keyPairFromSeed(new Uint8Array(32).fill(7)).id;

/** Discoveries of records without a pool: each run can be compared with those before. */
class Bench {
  readonly #vault = new MemoryVault();
  readonly #jobs: JobNotice[] = [];
  readonly #outputs = new Map<string, unknown>();

  add(place: Pick<TargetRecord, 'protocol' | 'port'> & Partial<TargetRecord>, credential: Credential): TargetRecord {
    const record: TargetRecord = {
      gatewayUid: 'gateway',
      recordId: randomBytes(16).toString('base64url'),
      revision: 1,
      deleted: false,
      type: 'machine',
      title: 'target',
      host: '127.0.0.1',
      user: credential.user,
      labels: [],
      changedUnixMs: 1,
      parentId: null,
      ...place,
    };
    this.#vault.set(record.recordId, credential);
    return record;
  }

  async look(record: TargetRecord): Promise<TaskOutcome> {
    const jobId = randomBytes(16).toString('base64url');
    const notice: JobNotice = {
      jobId,
      kind: 'discovery',
      recordId: record.recordId,
      parent: null,
      caller: worker,
      state: 'running',
      entry: worker,
      worker,
      submittedUnixMs: this.#jobs.length,
      startedUnixMs: 1,
      endedUnixMs: null,
      error: null,
      bytesIn: 0,
      bytesOut: 0,
      progress: null,
    };
    const workload = createDiscovery({
      allowed: [],
      jobsOf: (scopeId) => this.#jobs.filter(({ recordId }) => recordId === scopeId).reverse(),
      readOutput: async (id) => this.#outputs.get(id) ?? null,
      vaultOf: () => this.#vault,
      atMs: () => performance.now(),
    });
    const task = { notice, parameters: [], record, resumed: false, cancelled: new AbortController().signal };
    const outcome = await workload.run({ ...task, report: () => undefined });
    this.#jobs.push({ ...notice, state: outcome.state });
    this.#outputs.set(jobId, JSON.parse(JSON.stringify(outcome.output)));
    return outcome;
  }

  /** The one target's part of the output; nothing of the credential is in it. */
  async seen(
    record: TargetRecord,
  ): Promise<Record<string, unknown> & { readonly accounts: readonly { readonly login: string }[] }> {
    const outcome = await this.look(record);
    expect(outcome).toMatchObject({ state: 'succeeded', error: null });
    expect(JSON.stringify(outcome)).not.toContain(PASSWORD);
    const { found } = outcome.output as { readonly found: readonly [Awaited<ReturnType<Bench['seen']>>] };
    return found[0];
  }
}

function withPassword(user: string, password: string): Credential {
  return { ...NO_CREDENTIAL, user, password: new Secret(password) };
}

describe.skipIf(linuxServerMissing() !== undefined)('a Linux machine', { timeout: 60_000 }, () => {
  let server: LinuxServer;
  const sudoers = `/etc/sudoers.d/pamdisc-${randomBytes(4).toString('hex')}`;
  beforeAll(async () => {
    server = await startLinuxServer();
  });
  afterAll(async () => {
    rmSync(sudoers, { force: true });
    await server?.stop();
  });

  it('tells root, and whoever may become root, its accounts and what sudo lets them do', async () => {
    const bench = new Bench();
    const [plain, admin, restarts] = [server.addUser(), server.addUser({ isAdmin: true }), server.addUser()];
    writeFileSync(sudoers, `${restarts.name} ALL=(root) NOPASSWD: /usr/bin/systemctl restart web\n`, { mode: 0o440 });
    const byRoot = bench.add(
      { protocol: 'ssh', port: server.port },
      { ...NO_CREDENTIAL, user: 'root', privateKey: new Secret(server.rootKey) },
    );
    const bySudo = bench.add({ protocol: 'ssh', port: server.port }, withPassword(admin.name, admin.password));
    for (const record of [byRoot, bySudo]) {
      const seen = await bench.seen(record);
      expect(seen.accounts).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ login: 'root', admin: true, active: true }),
          expect.objectContaining({ login: plain.name, admin: false }),
          expect.objectContaining({
            login: admin.name,
            admin: true,
            detail: expect.stringContaining('sudo (ALL : ALL) ALL'),
          }),
          expect.objectContaining({
            login: restarts.name,
            admin: false,
            detail: expect.stringContaining('sudo (root) NOPASSWD: /usr/bin/systemctl restart web'),
          }),
        ]),
      );
      expect(seen.accounts.map(({ login }) => login)).not.toContain('daemon');
      expect(JSON.stringify(seen)).not.toMatch(/\$(?:6|y)\$/);
    }
  });

  it('tells others what everybody may see, and what they may not', async () => {
    const bench = new Bench();
    const [own, admin] = [server.addUser(), server.addUser({ isAdmin: true })];
    const record = bench.add({ protocol: 'ssh', port: server.port }, withPassword(own.name, own.password));
    const outcome = await bench.look(record);
    expect(outcome.output).toMatchObject({
      record: record.recordId,
      notes: [expect.anything(), expect.stringContaining('could not be seen')],
    });
    expect((await bench.seen(record)).accounts).toContainEqual(
      expect.objectContaining({ login: admin.name, admin: true }),
    );
  });

  it('is compared with the last time', async () => {
    const bench = new Bench();
    const own = server.addUser();
    const record = bench.add({ protocol: 'ssh', port: server.port }, withPassword(own.name, own.password));
    await bench.look(record);
    const added = server.addUser();
    const { delta } = (await bench.look(record)).output as { delta: unknown };
    expect(delta).toMatchObject({ added: [{ account: added.name, port: server.port }], gone: [] });
  });

  it('says why nothing can be seen', async () => {
    const bench = new Bench();
    const refused = bench.add({ protocol: 'ssh', port: server.port }, withPassword('nobody-such', PASSWORD));
    await expect(bench.look(refused)).rejects.toMatchObject({ code: 'credential-refused' });
    const none = { ...refused, recordId: 'x' };
    await expect(bench.look(none)).rejects.toMatchObject({ code: 'not-found' });
    await expect(bench.look({ ...refused, protocol: 'rdp' })).rejects.toMatchObject({ code: 'not-supported' });
  });
});

describe.skipIf(postgresMissing() !== undefined)('PostgreSQL', { timeout: 60_000 }, () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  it('tells every role its roles and databases, and no verifier', async () => {
    const bench = new Bench();
    await server.addRole({ name: 'app', password: PASSWORD, authentication: 'scram-sha-256' });
    await server.addRole({ name: 'Old One', password: PASSWORD, authentication: 'scram-sha-256' });
    await server.sql(`ALTER ROLE "Old One" VALID UNTIL '2020-01-01' CREATEROLE`);
    await server.sql('CREATE ROLE readers');
    await server.sql('GRANT readers TO app');
    await server.sql('CREATE DATABASE shop');
    const record = bench.add(
      { type: 'database', protocol: 'postgres', port: server.port },
      withPassword('app', PASSWORD),
    );
    const seen = await bench.seen(record);
    expect(seen).toMatchObject({
      service: 'postgres',
      version: expect.stringMatching(/^\d+/),
      databases: expect.arrayContaining(['postgres', 'shop']),
    });
    expect(seen['databases']).not.toContain('template1');
    expect(seen.accounts).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ login: server.user, admin: true, detail: expect.stringContaining('superuser') }),
        expect.objectContaining({
          login: 'app',
          admin: false,
          active: true,
          detail: expect.stringContaining('readers'),
        }),
        expect.objectContaining({ login: 'Old One', active: false, detail: expect.stringContaining('creates roles') }),
      ]),
    );
    expect(seen.accounts.map(({ login }) => login)).not.toContain('readers');
    expect(JSON.stringify(seen)).not.toContain('SCRAM-SHA-256$');
  });
});

describe.skipIf(mariadbMissing() !== undefined)('MariaDB', { timeout: 60_000 }, () => {
  let server: MariadbServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());

  it('tells an admin its accounts and databases, and others that they may not see them', async () => {
    const bench = new Bench();
    await server.addUser({ name: 'app', password: PASSWORD });
    await server.sql(`CREATE USER 'app'@'10.0.0.%' IDENTIFIED BY ?`, [PASSWORD]);
    await server.sql('CREATE ROLE readers');
    await server.sql('CREATE DATABASE shop');
    const place = { type: 'database', protocol: 'mysql', port: server.port } as const;
    const seen = await bench.seen(bench.add(place, withPassword(server.user, server.password)));
    expect(seen).toMatchObject({
      service: 'mysql',
      version: expect.stringContaining('MariaDB'),
      databases: expect.arrayContaining(['shop']),
    });
    expect(seen.accounts).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ login: server.user, admin: true, detail: expect.stringContaining('SUPER') }),
        expect.objectContaining({ login: 'app', admin: false, detail: expect.stringContaining('10.0.0.%') }),
      ]),
    );
    expect(seen.accounts.filter(({ login }) => login === 'app')).toHaveLength(1);
    expect(seen.accounts.map(({ login }) => login)).not.toContain('readers');
    const app = bench.add(place, withPassword('app', PASSWORD));
    await expect(bench.look(app)).rejects.toMatchObject({
      code: 'not-allowed',
      message: expect.stringContaining('app may not see this'),
    });
  });
});

describe.skipIf(ldapMissing() !== undefined)('a directory', { timeout: 60_000 }, () => {
  let server: LdapServer;
  beforeAll(async () => {
    server = await startLdap();
  });
  afterAll(() => server?.stop());

  it('tells its users and machines', async () => {
    const bench = new Bench();
    const dns = await Promise.all(Array.from({ length: 12 }, (_, index) => server.addUser(`user-${index}`, PASSWORD)));
    await server.addMachine('build-7.example.org');
    const place = { type: 'directory', protocol: 'ldap', port: server.port } as const;
    const seen = await bench.seen(bench.add(place, withPassword(server.user, server.password)));
    expect(seen['machines']).toEqual([{ host: 'build-7.example.org', system: null }]);
    expect(seen.accounts).toHaveLength(dns.length);
    expect(seen.accounts).toContainEqual(
      expect.objectContaining({ login: 'user-3', distinguishedName: dns[3], admin: false, active: true }),
    );
  });
});

describe('what a machine says of itself', () => {
  it('is read with care: it may say anything', () => {
    const report = [
      'passwd root:x:0:0::/root:/bin/bash',
      'passwd toor:x:0:0::/root:',
      'passwd daemon:x:1:1::/:/usr/sbin/nologin',
      'passwd evil\u001b[2J:x:1:1::/:/bin/sh',
      'passwd half:x',
      'passwd dom\\user:x:10000:500::/home/u:/bin/\u001b[31mzsh',
      'group wheel:x:10:',
      'group staff:x:500:dom\\user',
      'status toor L 2024-01-01',
      'sudo dom\\user',
      'sudo dom\\user (ALL) NOPASSWD: ALL, !/bin/su',
      'system PRETTY_NAME="Some Linux 9"',
      'and a line of nothing',
    ].join('\n');
    expect(readReport(report)).toMatchObject({
      system: 'Some Linux 9',
      notes: ['1 accounts without a login shell left out'],
      accounts: [
        { login: 'root', admin: true },
        { login: 'toor', admin: true, detail: 'uid 0, /bin/sh, password locked' },
        {
          login: 'dom\\user',
          admin: false,
          detail: expect.stringContaining('/bin/ [31mzsh, groups staff staff, sudo (ALL)'),
        },
      ],
    });
    expect(readReport('')).toMatchObject({ accounts: [], system: null });
  });
});
