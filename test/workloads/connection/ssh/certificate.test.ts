import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessClient } from '../../../../src/access/index.ts';
import { parseCertificate } from '../../../../src/workloads/connection/ssh/certificate.ts';
import { connectAdmin } from '../../../access/pool.ts';
import { launch } from './in-process.ts';
import { sshServerMissing } from './ssh-server.ts';
import { type PlainCredential, SshWorld } from './ssh-world.ts';

let folder: string;
let world: SshWorld;
let client: AccessClient;
let made = 0;

interface CertificateInit {
  readonly type?: readonly string[];
  readonly passphrase?: string;
  readonly principal?: string;
  /** As `ssh-keygen -V` takes it. */
  readonly validity?: string;
  readonly isHost?: boolean;
}

/** A new key that the server does not know, and a certificate for it. */
function certified(init: CertificateInit = {}): PlainCredential & { readonly certificate: string } {
  const { type = ['ed25519'], passphrase = '', principal = world.server.user, validity = '+1h', isHost } = init;
  const path = join(folder, `key-${made++}`);
  keygen('-q', '-t', ...type, '-N', passphrase, '-f', path);
  const kind = isHost === true ? ['-h'] : [];
  keygen('-q', '-s', join(folder, 'ca'), ...kind, '-I', 'alice@laptop', '-n', principal, '-V', validity, `${path}.pub`);
  return {
    privateKey: readFileSync(path, 'utf8'),
    ...(passphrase === '' ? {} : { passphrase }),
    certificate: readFileSync(`${path}-cert.pub`, 'utf8'),
  };
}

function keygen(...args: readonly string[]): void {
  execFileSync('ssh-keygen', args, { stdio: 'ignore' });
}

async function whoIsLoggedIn(title: string): Promise<string> {
  const record = world.pool.records.find((one) => one.title === title);
  const session = await launch(client, { recordId: record?.recordId ?? '', command: 'id -un', input: '' });
  await session.ended;
  return session.output().trim();
}

describe.skipIf(sshServerMissing() !== undefined)('a login with an OpenSSH certificate', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pam-certificates-'));
    keygen('-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'ca'));
    world = await SshWorld.start({ config: [`TrustedUserCAKeys ${join(folder, 'ca.pub')}`] });
    client = await connectAdmin(world.members);
  }, 30_000);
  afterAll(async () => {
    await client?.stop();
    await world?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ['ed25519', { type: ['ed25519'] }],
    ['ed25519 with a passphrase', { type: ['ed25519'], passphrase: 'open sesame' }],
    ['ecdsa 256', { type: ['ecdsa', '-b', '256'] }],
    ['ecdsa 384', { type: ['ecdsa', '-b', '384'] }],
    ['ecdsa 521', { type: ['ecdsa', '-b', '521'] }],
    ['rsa', { type: ['rsa', '-b', '2048'] }],
    ['for ever', { validity: 'always:forever' }],
  ])('works: %s', async (title, init) => {
    world.addRecord(title, { credential: certified(init) });
    expect(await whoIsLoggedIn(title)).toBe(world.server.user);
    expect(world.server.log()).toMatch(/Accepted certificate ID "alice@laptop" .*signed by ED25519 CA/);
  });

  it.each([
    ['expired', { validity: '-2h:-1h' }, /certificate "alice@laptop" that has expired at \d{4}-.*pam record edit/],
    ['to come', { validity: '+1h:+2h' }, /certificate "alice@laptop" that is valid only from \d{4}-/],
    ['of a host', { isHost: true }, /certificate "alice@laptop" that is for a host, not for a user/],
    [
      'for another name',
      { principal: 'root' },
      /refused the credential .* \(certificate "alice@laptop", for root, valid until/,
    ],
  ])('is refused with its reason: %s', async (title, init, message) => {
    world.addRecord(title, { credential: certified(init) });
    await expect(whoIsLoggedIn(title)).rejects.toMatchObject({ code: 'credential-refused', message });
  });

  it('needs the key that the certificate is for, and a certificate', async () => {
    const { certificate } = certified();
    world.addRecord('foreign', { credential: { ...certified(), certificate } });
    await expect(whoIsLoggedIn('foreign')).rejects.toMatchObject({
      code: 'credential-missing',
      message: /has a certificate "alice@laptop" that is not its private key's/,
    });
    world.addRecord('none', { credential: { ...certified(), certificate: 'ssh-ed25519-cert-v01@openssh.com AAAA' } });
    await expect(whoIsLoggedIn('none')).rejects.toMatchObject({ message: /has a certificate that cannot be read/ });
  });

  it('falls back to the password that the record has, too', async () => {
    const { password } = world.server;
    world.addRecord('both', { credential: { ...certified({ principal: 'root' }), password } });
    expect(await whoIsLoggedIn('both')).toBe(world.server.user);
  });

  it('is not led astray by a certificate that is cut off anywhere', () => {
    const [type = '', base64 = ''] = certified().certificate.split(' ');
    const blob = Buffer.from(base64, 'base64');
    const whole = parseCertificate(`${type} ${base64}`);
    for (let length = 0; length < blob.length; length++) {
      const cut = parseCertificate(`${type} ${blob.subarray(0, length).toString('base64')}`);
      // What stands behind the times is not looked at.
      if (cut !== undefined) expect({ ...cut, blob }).toEqual(whole);
    }
    expect(parseCertificate(`${type} ${blob.subarray(0, 100).toString('base64')}`)).toBeUndefined();
  });
});
