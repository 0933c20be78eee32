/** The pool secret is replaced while the pool runs: nothing stops, nothing is lost, and whoever has only the former secret is out in the end. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { connectAccess } from '../../src/access/client/index.ts';
import { agreementKeysFromSeed } from '../../src/base/x25519.ts';
import { loadGatewayConfig } from '../../src/config/index.ts';
import { derivePoolKeys } from '../../src/core/index.ts';
import { isSealedTo } from '../../src/vault/box.ts';
import { credentialEditionSeal } from '../../src/wire/credential.ts';
import { open } from '../../src/wire/sealed.ts';
import { untilAgreed } from './harness/agreement.ts';
import type { Instance } from './harness/instance.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { runCommand } from './harness/program.ts';
import { untilRecordHeld } from './harness/records.ts';
import { PATIENTLY } from './harness/scale.ts';
import { useTunnels } from './harness/tunnel.ts';
import { needs, until } from './harness/until.ts';
import { dial, roundTrip } from './targets/socket.ts';
import { echo, startTarget } from './targets/target.ts';

const createPool = usePools();
const startTunnel = useTunnels();
const EXIT_USAGE = 2;
const SOON_MS = 20_000;
/** Long enough to restart three instances on a busy machine. */
const WINDOW = '40s';

/** Runs `pam` with the admin's profile and expects it to do what it was told; its JSON document. */
async function told(pool: Pool, args: readonly string[], input?: string): Promise<Record<string, unknown>> {
  const env = { PAM_PROFILE: pool.profileFile };
  const init = { program: 'pam', args: [...args, '--json'], env } as const;
  const { code, stdout, stderr } = await runCommand(input === undefined ? init : { ...init, input });
  if (code !== 0) throw new Error(`pam ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Writes the configuration with another secret; its file, and when the former secret stops to count. */
async function rekey(pool: Pool, window: string): Promise<{ readonly file: string; readonly untilUnixMs: number }> {
  const file = join(pool.folder, `rekeyed-${window}.json`);
  const args = ['gateway', 'rekey', '--config-file', pool.configFile, '-o', file, '--window', window];
  const { former_until: formerUntil } = await told(pool, args);
  return { file, untilUnixMs: Date.parse(String(formerUntil)) };
}

async function addRecord(pool: Pool, target: { host: string; port: number }, password: string): Promise<string> {
  const fields = ['--type', 'machine', '--title', 'echo', '--host', target.host, '--port', String(target.port)];
  const { record } = await told(pool, ['record', 'add', ...fields, '--protocol', 'tcp', '--password-stdin'], password);
  return String(record);
}

/** The password of the record, as this instance opens it. */
async function revealed(pool: Pool, name: string): Promise<string> {
  const { code, stdout, stderr } = await runCommand({
    program: 'pam',
    args: ['record', 'show', 'echo', '--reveal', '--address', pool.site(name).access],
    env: { PAM_PROFILE: pool.profileFile },
  });
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** Whether all boxes of a record are sealed to the key that this configuration gives. */
async function sealedTo(pool: Pool, configFile: string, recordId: string): Promise<boolean> {
  const { uid, poolSecret } = loadGatewayConfig({ kind: 'file', path: configFile });
  const keys = derivePoolKeys({ secret: poolSecret.reveal(), gatewayUid: uid });
  const { publicKey } = agreementKeysFromSeed(keys.vaultKeySeed.reveal());
  const { key } = pool.profile();
  const init = { keySeed: key.reveal(), grant: null, addresses: [pool.site('a').access], poolKey: null };
  const client = await connectAccess(init, AbortSignal.timeout(SOON_MS));
  try {
    const request = { kind: 'list-editions', recordId } as const;
    const { sealed } = await client.request(request, 'editions', AbortSignal.timeout(SOON_MS));
    const boxes = sealed.flatMap((one) => open(credentialEditionSeal, one, () => true).value.entries);
    return boxes.length > 0 && boxes.every(({ box }) => isSealedTo(box, publicKey));
  } finally {
    await client.stop();
  }
}

/** A few new connections through a tunnel: each may land on another worker. */
async function tryTunnel(port: number): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: 8 }, () => dial(port)));
  await Promise.all(sockets.map((socket) => roundTrip(socket, 'through the pool')));
  for (const socket of sockets) socket.destroy();
}

/** Stores another password by way of the first of these instances; all of them open it, whichever secrets they know. */
async function editPassword(pool: Pool, password: string, names: readonly string[]): Promise<void> {
  const address = pool.site(names[0] ?? '').access;
  await told(pool, ['record', 'edit', 'echo', '--password-stdin', '--address', address], password);
  for (const name of names)
    await until(`${name} opens it`, { within: SOON_MS }, async () =>
      needs((await revealed(pool, name)).includes(password), 'not yet'),
    );
}

function expectShutOut(instance: Instance, code: number | null): void {
  expect(code).toBe(EXIT_USAGE);
  expect(instance.tail()).toMatch(
    /the pool secret of this configuration was replaced on \S+, and counts no more since [^\n]+\nStart this instance with the configuration that "pam gateway rekey" wrote\./,
  );
}

describe('replacing the pool secret', PATIENTLY, () => {
  it('goes through a running pool, one instance after the other, and shuts the former secret out in the end', async () => {
    const names = ['a', 'b', 'c'];
    const pool = createPool({ maxInstances: 4, bootstrap: [...names, 'left'] });
    // One instance is forgotten: it has the former secret to the end.
    const left = pool.start('left');
    let running = pool.startAll(names);
    await untilAgreed([left, ...running], { seats: 4 });
    const target = await startTarget(echo);
    try {
      const recordId = await addRecord(pool, target, 'first secret');
      await untilRecordHeld(pool, [...names, 'left'], 'echo');
      const former = readFileSync(pool.profileFile, 'utf8');
      const tunnel = await startTunnel({ pool, record: 'echo' });
      const { file, untilUnixMs } = await rekey(pool, WINDOW);
      for (const [index, name] of names.entries()) {
        await running[index]?.stop();
        const renewed = pool.start(name, { args: ['--config-file', file] });
        running = running.map((instance, place) => (place === index ? renewed : instance));
        // Those with the new secret and those with the former one alone are one pool, and jobs go through all of it.
        await untilAgreed([left, ...running], { seats: 4 });
        await tryTunnel(tunnel.port);
        if (index === 0) await editPassword(pool, 'second secret', ['a', 'b', 'left']);
      }
      needs(Date.now() < untilUnixMs, 'the window was over before all were restarted');
      expect(await sealedTo(pool, pool.configFile, recordId)).toBe(true);
      expect(readFileSync(pool.profileFile, 'utf8')).toBe(former);

      const { code } = await left.untilEnded(untilUnixMs - Date.now() + SOON_MS);
      expect(Date.now()).toBeGreaterThanOrEqual(untilUnixMs);
      expectShutOut(left, code);
      await until('all boxes are sealed anew', { within: SOON_MS }, async () =>
        needs(await sealedTo(pool, file, recordId), 'not yet'),
      );
      await untilAgreed(running, { holders: names });
      for (const instance of running) {
        const died = instance.logged('member-dead').filter(({ unixMs }) => unixMs > untilUnixMs - SOON_MS);
        expect(died.length, 'nobody but the forgotten one').toBeLessThanOrEqual(1);
      }
      for (const name of names) expect(await revealed(pool, name)).toContain('second secret');
      await tryTunnel(tunnel.port);

      // The profile follows what its admins have signed, and trusts the new key alone from then on.
      const profile = JSON.parse(readFileSync(pool.profileFile, 'utf8'));
      expect(profile.poolKey).not.toBe(JSON.parse(former).poolKey);
      expect({ ...JSON.parse(former), poolKey: profile.poolKey }).toEqual(profile);

      const thief = pool.start('thief', { args: ['--standby'] });
      expectShutOut(thief, (await thief.untilEnded(SOON_MS)).code);
      expect(running.some((instance) => instance.logged('former-secret-refused').length > 0)).toBe(true);
      const again = pool.start('left', { args: ['--config-file', file] });
      await untilAgreed([again, ...running], { holders: [...names, 'left'] });
    } finally {
      await target.stop();
    }
  });

  it('goes through a pool that stands still too; what was stored is kept, and needs the former secret no more', async () => {
    const pool = createPool({ maxInstances: 1, bootstrap: ['a'] });
    const target = { host: '127.0.0.1', port: 9 };
    const first = pool.start('a');
    await untilAgreed([first], { holders: ['a'] });
    const recordId = await addRecord(pool, target, 'kept secret');
    await first.stop();
    const { file } = await rekey(pool, '1s');
    const second = pool.start('a', { args: ['--config-file', file] });
    await second.untilLogged('credentials-resealed', { within: SOON_MS });
    await second.kill();

    // Once the data directory knows the former secret, no configuration has to name it.
    const { formerSecrets, ...alone } = JSON.parse(readFileSync(file, 'utf8'));
    expect(formerSecrets).toHaveLength(1);
    const closed = join(pool.folder, 'closed.json');
    writeFileSync(closed, JSON.stringify(alone), { mode: 0o600 });
    const third = pool.start('a', { args: ['--config-file', closed] });
    await untilAgreed([third], { holders: ['a'] });
    expect(await revealed(pool, 'a')).toContain('kept secret');
    expect(await sealedTo(pool, closed, recordId)).toBe(true);
    await third.stop();

    const backwards = pool.start('a');
    const ended = await backwards.untilEnded(SOON_MS);
    expect(ended.code).toBe(EXIT_USAGE);
    expect(backwards.tail()).toContain('belongs to another pool secret than the one of this configuration');
  });
});
