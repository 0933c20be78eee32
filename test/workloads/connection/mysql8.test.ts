import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates, type ServerCertificate } from '../../e2e/targets/certificates.ts';
import { DatabaseWorld, portOf } from './database-world.ts';
import { type FakeMysql8, type FakeMysql8Init, startFakeMysql8 } from './fake-mysql8.ts';

const folder = mkdtempSync(join(tmpdir(), 'pam-mysql8-test-'));
const PASSWORD = 'pässword of 2048 bits';
let certificate: ServerCertificate;
let world: DatabaseWorld;
let fake: FakeMysql8 | undefined;

beforeAll(async () => {
  certificate = makeCertificates(folder);
  world = await DatabaseWorld.start();
});

afterEach(async () => {
  await fake?.stop();
});

afterAll(async () => {
  await world.stop();
  rmSync(folder, { recursive: true });
});

/** How the gateway logged in, or what the client was told. */
async function loginAt(
  changes: Partial<FakeMysql8Init>,
  place: { readonly options: Record<string, string>; readonly password?: string },
): Promise<unknown> {
  fake = await startFakeMysql8({
    user: 'app',
    password: PASSWORD,
    isCached: false,
    certificate: undefined,
    ...changes,
  });
  const tunnel = await world.open({
    title: `fake ${fake.port}`,
    protocol: 'mysql',
    port: fake.port,
    user: 'app',
    password: PASSWORD,
    ...place,
  });
  let connection: Connection;
  try {
    connection = await createConnection({ host: '127.0.0.1', port: portOf(tunnel), user: 'alice' });
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
  await connection.ping();
  connection.destroy();
  return fake.logins[0];
}

describe('caching_sha2_password, at a fake of MySQL 8', () => {
  it('is proved where the server has the digest at hand', async () => {
    expect(await loginAt({ isCached: true }, { options: { tls: 'disable' } })).toBe('fast');
    expect(
      await loginAt({ isCached: true, certificate }, { options: { tls: 'verify-full', 'tls-ca': certificate.caFile } }),
    ).toBe('fast');
  });

  it('sends the password inside TLS where the server asks for it', async () => {
    expect(await loginAt({ certificate }, { options: { tls: 'prefer' } })).toBe('full over TLS');
  });

  it('encrypts the password with the key of the server only where that is allowed', async () => {
    const told = await loginAt({}, { options: { tls: 'prefer' } });
    expect(told).toContain('the way to it is not encrypted');
    expect(fake?.logins).toEqual([]);
    expect(await loginAt({}, { options: { tls: 'disable', 'allow-cleartext': 'on' } })).toBe('full with a key');
  });

  it('is refused in words where the password is wrong', async () => {
    expect(await loginAt({ certificate }, { options: { tls: 'require' }, password: 'wrong' })).toContain(
      "Access denied for user 'app' (1045, 28000)",
    );
  });

  it('accepts the pinned certificate and no other', async () => {
    const told = await loginAt({ certificate, isCached: true }, { options: { 'tls-pin': `SHA256:${'A'.repeat(43)}` } });
    expect(told).toMatch(
      /the certificate is not the pinned one: it is SHA256:[A-Za-z0-9+/]{43}, pinned is SHA256:A{43}/,
    );
    const shown = /it is (SHA256:\S+),/.exec(String(told))?.[1] ?? '';
    expect(await loginAt({ certificate, isCached: true }, { options: { 'tls-pin': shown } })).toBe('fast');
  });
});
