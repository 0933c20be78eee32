/** Every kind of target on a real server: rotated by itself and by an admin, the new credential let in, the old one refused. */

import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import type { Credential } from '../../../src/vault/index.ts';
import type { TargetRecord } from '../../../src/wire/record.ts';
import { targetOf } from '../../../src/workloads/rotation/targets.ts';
import { LDAP_PASSWORD_LENGTH_MIN, type LdapServer, ldapMissing, startLdap } from '../../e2e/targets/ldap-server.ts';
import { type LinuxServer, linuxServerMissing, startLinuxServer } from '../../e2e/targets/linux-server.ts';
import { type MariadbServer, mariadbMissing, startMariadb } from '../../e2e/targets/mariadb-server.ts';
import { type PostgresServer, postgresMissing, startPostgres } from '../../e2e/targets/postgres-server.ts';
import { passwordCredential, RotationBench } from './rotation-bench.ts';

const FIRST = 'The-first-passw0rd';
const signal = AbortSignal.timeout(120_000);

async function lets(record: TargetRecord, credential: Credential, scripts = ''): Promise<boolean> {
  const target = targetOf(record, credential, scripts);
  try {
    await target.login({ record, user: credential.user ?? '' }, credential, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'credential-refused') return false;
    throw error;
  }
}

/** The whole of what a rotation promises. */
async function expectRotated(bench: RotationBench, record: TargetRecord): Promise<void> {
  const old = await bench.active(record);
  expect(await lets(record, old, bench.scripts)).toBe(true);
  const outcome = await bench.rotate(record);
  expect(outcome).toMatchObject({ state: 'succeeded', error: null });
  const fresh = await bench.active(record);
  expect(await lets(record, fresh, bench.scripts)).toBe(true);
  expect(await lets(record, old, bench.scripts)).toBe(false);
  expect(await bench.versions(record, 'pending')).toEqual([]);
  expect((await bench.versions(record, 'previous')).map(({ credential }) => credential)).toEqual([old]);
  const shown = JSON.stringify(outcome);
  for (const secret of [old, fresh].flatMap(({ password, privateKey }) => [password, privateKey]))
    if (secret !== null) expect(shown).not.toContain(secret.reveal());
}

describe.skipIf(postgresMissing() !== undefined)('a PostgreSQL role', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  const recordOf = (bench: RotationBench, name: string, labels: TargetRecord['labels'] = []) =>
    bench.add({ protocol: 'postgres', port: server.port, labels }, passwordCredential(name, FIRST));

  it.each(['scram-sha-256', 'md5', 'password'] as const)(
    'changes itself when it logs in by %s',
    async (authentication) => {
      const bench = new RotationBench();
      const name = `own-${authentication}`;
      await server.addRole({
        name,
        password: FIRST,
        authentication: authentication === 'md5' ? 'scram-sha-256' : authentication,
      });
      await expectRotated(bench, recordOf(bench, name));
    },
  );

  it('is changed by an admin', async () => {
    const bench = new RotationBench();
    await server.addRole({ name: 'By Admin', password: FIRST, authentication: 'scram-sha-256' });
    const admin = bench.add({}, passwordCredential(server.user, server.password));
    await expectRotated(bench, recordOf(bench, 'By Admin', [{ key: 'rotation.admin', value: admin.recordId }]));
  });

  it('never shows its password to the statement log', async () => {
    const bench = new RotationBench();
    await server.addRole({ name: 'logged', password: FIRST, authentication: 'scram-sha-256' });
    await server.sql(`ALTER SYSTEM SET log_statement = 'all'`);
    await server.sql('SELECT pg_reload_conf()');
    const record = recordOf(bench, 'logged');
    await expectRotated(bench, record);
    const log = server.lines().join('\n');
    await server.sql(`ALTER SYSTEM RESET log_statement`);
    expect(log).toContain('ALTER ROLE');
    expect(log).not.toContain((await bench.active(record)).password?.reveal());
  });
});

describe.skipIf(mariadbMissing() !== undefined)('a MariaDB account', () => {
  let server: MariadbServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());

  it('changes itself', async () => {
    const bench = new RotationBench();
    await server.addUser({ name: 'own', password: FIRST });
    await expectRotated(bench, bench.add({ protocol: 'mysql', port: server.port }, passwordCredential('own', FIRST)));
  });

  it('is changed by an admin, on all its hosts', async () => {
    const bench = new RotationBench();
    await server.addUser({ name: "o'ther", password: FIRST });
    await server.sql(`CREATE USER ?@'10.0.0.%' IDENTIFIED BY ?`, ["o'ther", FIRST]);
    const admin = bench.add({}, passwordCredential(server.user, server.password));
    const labels = [{ key: 'rotation.admin', value: admin.recordId }];
    const record = bench.add({ protocol: 'mysql', port: server.port, labels }, passwordCredential("o'ther", FIRST));
    await expectRotated(bench, record);
    const rows = await server.sql(`SELECT DISTINCT authentication_string AS hash FROM mysql.user WHERE User = ?`, [
      "o'ther",
    ]);
    expect(rows).toHaveLength(1);
  });
});

describe.skipIf(ldapMissing() !== undefined)('a directory user', () => {
  let server: LdapServer;
  beforeAll(async () => {
    server = await startLdap();
  });
  afterAll(() => server?.stop());

  const recordOf = async (bench: RotationBench, name: string, labels: TargetRecord['labels'] = []) => {
    const dn = await server.addUser(name, FIRST);
    return bench.add({ type: 'directory', protocol: 'ldap', port: server.port, labels }, passwordCredential(dn, FIRST));
  };

  it('changes itself', async () => {
    const bench = new RotationBench();
    await expectRotated(bench, await recordOf(bench, 'own'));
  });

  it('is changed by an admin', async () => {
    const bench = new RotationBench();
    const admin = bench.add({}, passwordCredential(server.user, server.password));
    await expectRotated(bench, await recordOf(bench, 'other', [{ key: 'rotation.admin', value: admin.recordId }]));
  });

  it('keeps its old password where the policy refuses the new one', async () => {
    const bench = new RotationBench();
    const short = [{ key: 'rotation.complexity', value: `${LDAP_PASSWORD_LENGTH_MIN - 1},1,1,1,1` }];
    const record = await recordOf(bench, 'short', short);
    expect(await bench.rotate(record)).toMatchObject({ state: 'failed', error: { code: 'password-refused' } });
    expect((await bench.active(record)).password?.reveal()).toBe(FIRST);
    expect(await lets(record, await bench.active(record))).toBe(true);
    expect(await bench.versions(record, 'pending')).toEqual([]);
  });
});

// PAM takes seconds over a refused login: side by side they cost it once.
describe.skipIf(linuxServerMissing() !== undefined).concurrent('a Linux account', { timeout: 60_000 }, () => {
  let server: LinuxServer;
  beforeAll(async () => {
    server = await startLinuxServer();
  });
  afterAll(() => server?.stop());

  it('changes its own password', async () => {
    const bench = new RotationBench();
    const { name, password } = server.addUser();
    await expectRotated(bench, bench.add({ port: server.port }, passwordCredential(name, password)));
  });

  it.each(['root with a key', 'an admin with sudo'] as const)('has its password changed by %s', async (who) => {
    const bench = new RotationBench();
    const { name, password } = server.addUser();
    const admin = bench.add({}, who === 'root with a key' ? keyCredential('root', server.rootKey) : sudoer(server));
    const labels = [{ key: 'rotation.admin', value: admin.recordId }];
    await expectRotated(bench, bench.add({ port: server.port, labels }, passwordCredential(name, password)));
  });

  it('has its key changed by an admin with sudo', async () => {
    const bench = new RotationBench();
    const first = newKey();
    const { name } = server.addUser({ authorizedKey: first.line });
    const admin = bench.add({}, sudoer(server));
    const labels = [{ key: 'rotation.admin', value: admin.recordId }];
    await expectRotated(bench, bench.add({ port: server.port, labels }, keyCredential(name, first.privateKey)));
  });

  it('changes its own key, and only that', async () => {
    const bench = new RotationBench();
    const [first, other] = [newKey(), newKey()];
    const { name, home } = server.addUser({ authorizedKey: `${other.line}\n${first.line}` });
    await expectRotated(bench, bench.add({ port: server.port }, keyCredential(name, first.privateKey)));
    const lines = readFileSync(join(home, '.ssh/authorized_keys'), 'utf8').trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines).toContain(other.line);
  });

  it('keeps its old password where the system refuses the new one', async () => {
    const bench = new RotationBench();
    const { name, password } = server.addUser({ daysBetweenChanges: 7 });
    const record = bench.add({ port: server.port }, passwordCredential(name, password));
    const outcome = await bench.rotate(record);
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'password-refused' } });
    expect(outcome.message).toContain('nothing has changed');
    expect(await lets(record, await bench.active(record))).toBe(true);
    expect((await bench.active(record)).password?.reveal()).toBe(password);
  });
});

describe('whatever a script rotates', () => {
  it('is changed and logged in to by it; secrets come on standard input only', async () => {
    const bench = new RotationBench();
    const file = join(bench.scripts, 'password.txt');
    writeFileSync(file, FIRST);
    script(
      bench,
      'box',
      `#!/bin/sh
read -r document
password=$(printf '%s' "$document" | sed -e 's/.*"credential":{"password":"\\([^"]*\\)".*/\\1/')
case $document in
*'"action":"login"'*) [ "$password" = "$(cat ${file})" ] || exit 10 ;;
*'"action":"change"'*) printf '%s' "$password" > ${file} ;;
esac
`,
    );
    const labels = [
      { key: 'rotation.script', value: 'box' },
      { key: 'rotation.complexity', value: '24,4,4,4,0' },
    ];
    await expectRotated(bench, bench.add({ protocol: 'tcp', labels }, passwordCredential('box', FIRST)));
  });
});

/** Puts a program into the folder that the operator owns. */
function script(bench: RotationBench, name: string, text: string): void {
  writeFileSync(join(bench.scripts, name), text);
  chmodSync(join(bench.scripts, name), 0o700);
}

function newKey(): { readonly privateKey: string; readonly line: string } {
  const { private: privateKey, public: line } = ssh2.utils.generateKeyPairSync('ed25519');
  return { privateKey, line: `${line} test` };
}

function keyCredential(user: string, privateKey: string): Credential {
  return { user, password: null, privateKey: new Secret(privateKey), passphrase: null, certificate: null };
}

/** An account that may become root by sudo, with its password. */
function sudoer(server: LinuxServer): Credential {
  const { name, password } = server.addUser({ isAdmin: true });
  return passwordCredential(name, password);
}
