import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectAccess } from '../../src/access/client/index.ts';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import { Secret } from '../../src/base/secret.ts';
import { createGateway, loadProfile, saveProfile, writeGateway } from '../../src/config/index.ts';
import { type Grant, grantSeal } from '../../src/wire/grant.ts';
import { seal } from '../../src/wire/sealed.ts';
import type { Pool } from './harness/pool.ts';
import { type CommandResult, runCommand } from './harness/program.ts';
import { addRecord } from './harness/records.ts';
import { useSharedPools } from './harness/shared-pool.ts';
import { useTunnels } from './harness/tunnel.ts';
import { needs, until } from './harness/until.ts';
import { dialEcho, endOf } from './targets/socket.ts';
import { echo, startTarget, type Target } from './targets/target.ts';

const formPool = useSharedPools();
const startTunnel = useTunnels();
const ANSWER_MS = 15_000;
/** Long enough for a tunnel to start on a busy machine. */
const EXPIRES_MS = 6000;

let pool: Pool;
let target: Target;
let web: string;
let database: string;

beforeAll(async () => {
  target = await startTarget(echo);
  pool = await formPool({ instances: 2 });
  [web, database] = await Promise.all([addRecord(pool, 'web-1', target), addRecord(pool, 'db-1', target)]);
});
afterAll(() => target.stop());

/** A user's profile as `pam grant new` writes it. */
async function grantTo(name: string, ...flags: readonly string[]): Promise<string> {
  const path = join(pool.folder, `${name}.json`);
  const { code, stderr } = await pool.pam(['grant', 'new', '--name', name, '--out', path, ...flags]);
  expect(code, stderr).toBe(0);
  return path;
}

/** A profile whose grant says what the test wants, signed by whom it wants. */
function forge(name: string, changes: Partial<Grant>, signer = pool.profile().key.reveal()): string {
  const path = join(pool.folder, `${name}.json`);
  const seed = new Uint8Array(randomBytes(32));
  const userKey = keyPairFromSeed(seed).id;
  const now = { issuedUnixMs: Date.now() - 60_000, expiresUnixMs: null };
  const allow = [{ kind: '*', record: '*' }];
  const grant = { gatewayUid: pool.uid, grantId: 'forged', name, userKey, allow, ...now, ...changes };
  const profile = pool.profile();
  const admin = keyPairFromSeed(signer);
  saveProfile(path, {
    ...profile,
    key: new Secret(seed),
    keyId: userKey,
    role: 'user',
    name,
    grant: seal(grantSeal, grant, [admin]),
    adminKeys: [...new Set([...profile.adminKeys, admin.id])],
  });
  return path;
}

function pamAs(profile: string, args: readonly string[]): Promise<CommandResult> {
  return runCommand({ program: 'pam', args, env: { PAM_PROFILE: profile, HOME: pool.folder } });
}

describe('a user', () => {
  it('uses what is granted, by title and by id', async () => {
    const profileFile = await grantTo('alice', '--allow', 'tunnel:web-*');
    for (const record of ['web-1', web]) {
      const { port } = await startTunnel({ pool, record, profileFile });
      const socket = await dialEcho(port, 'as alice');
      socket.destroy();
    }
  });

  it('is refused another record, which may as well not exist, with exit code 4 and what is missing', async () => {
    const profile = forge('bob', { allow: [{ kind: 'tunnel', record: 'web-*' }] });
    for (const record of ['db-1', 'no-such-record']) {
      const { code, stderr } = await pamAs(profile, ['tunnel', 'start', record]);
      expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringContaining(`lacks tunnel:${record}`) });
    }
    await expect(submitAs(profile, database)).rejects.toThrow('the grant of bob lacks tunnel:db-1');
  });

  it('is refused another kind of job on a record it may see, with exit code 4 and what is missing', async () => {
    const profile = forge('carol', { allow: [{ kind: 'rotation', record: 'web-1' }] });
    const { code, stderr } = await pamAs(profile, ['tunnel', 'start', 'web-1']);
    expect(stderr).toContain('the grant of carol lacks tunnel:web-1');
    expect(code).toBe(4);
  });

  it('is refused what only admins do, with exit code 4', async () => {
    const profile = forge('dave', {});
    const attempts = [
      ['gateway', 'set-max-instances', '-g', pool.uid, '-m', '9'],
      ['record', 'add', '--type', 'machine', '--title', 'mine', '--host', '127.0.0.1', '--port', '1'],
      ['grant', 'new', '--name', 'eve', '--out', join(pool.folder, 'eve.json')],
    ];
    for (const args of attempts) {
      const { code, stderr } = await pamAs(profile, args);
      expect(code, `${args.join(' ')}: ${stderr}`).toBe(4);
    }
  });

  it("learns nothing of another caller's job, and cannot end it", async () => {
    const tunnel = await startTunnel({ pool, record: 'web-1' });
    const profile = forge('frank', {});
    for (const verb of ['job-info', 'job-cancel']) {
      const { code, stderr } = await pamAs(profile, ['action', verb, tunnel.ready.jobId]);
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/not known|not found/) });
    }
    const socket = await dialEcho(tunnel.port, 'still running');
    socket.destroy();
  });
});

describe('a grant', () => {
  it('that has expired lets nobody in', async () => {
    const { code, stderr } = await pamAs(forge('grace', { expiresUnixMs: Date.now() - 1000 }), [
      'tunnel',
      'start',
      'web-1',
    ]);
    expect({ code, stderr }).toMatchObject({ code: 4, stderr: expect.stringContaining('the grant expired at ') });
  });

  it('that expires while a tunnel runs ends what is under way, and lets nothing new in', async () => {
    const expiresUnixMs = Date.now() + EXPIRES_MS;
    const tunnel = await startTunnel({ pool, record: 'web-1', profileFile: forge('heidi', { expiresUnixMs }) });
    const underWay = await dialEcho(tunnel.port, 'before');
    const ended = endOf(underWay);
    const [failure] = await until('a connection is refused', { within: 2 * EXPIRES_MS, every: 300 }, async () => {
      const next = await dialEcho(tunnel.port, 'next').catch(() => undefined);
      next?.destroy();
      needs(next === undefined, 'it works');
      return tunnel.untilFailed(1, 2000);
    });
    expect(Date.now()).toBeGreaterThanOrEqual(expiresUnixMs);
    expect(failure).toMatch(/^connection failed: not-allowed: the grant (?:of heidi has )?expired/);
    expect(await ended).toBe('ECONNRESET');
  });

  it('that no admin signed lets nobody in', async () => {
    const { code, stderr } = await pamAs(forge('ivan', {}, new Uint8Array(randomBytes(32))), [
      'tunnel',
      'start',
      'web-1',
    ]);
    expect({ code, stderr }).toMatchObject({ code: 4, stderr: expect.stringContaining('0 admin signatures') });
  });

  it('of somebody else lets nobody in', async () => {
    const { grant } = loadProfile(forge('judy', {}));
    await expect(connect({ keySeed: new Uint8Array(randomBytes(32)), grant })).rejects.toMatchObject({
      code: 'not-allowed',
    });
  });
});

describe('a key', () => {
  it('without a grant is refused', async () => {
    const stranger = connect({ keySeed: new Uint8Array(randomBytes(32)), grant: null });
    await expect(stranger).rejects.toMatchObject({
      code: 'not-allowed',
      message: expect.stringContaining('is no admin key of this gateway'),
    });
  });

  it("of another pool's admin is refused, and that pool's profile does not trust this one", async () => {
    const created = createGateway({
      name: 'other',
      maxInstances: 1,
      bootstrap: [],
      addresses: [pool.site('a').access],
    });
    const { adminProfilePath } = writeGateway(join(pool.folder, 'other'), created);
    const { code, stderr } = await pamAs(adminProfilePath, ['gateway', 'list']);
    expect(code, stderr).toBe(4);
    const { key } = loadProfile(adminProfilePath);
    await expect(connect({ keySeed: key.reveal(), grant: null })).rejects.toMatchObject({ code: 'not-allowed' });
    const { poolKey } = loadProfile(adminProfilePath);
    const trusting = connect({ keySeed: pool.profile().key.reveal(), grant: null, poolKey });
    await expect(trusting).rejects.toMatchObject({
      code: 'not-allowed',
      message: expect.stringContaining("can't prove that it belongs"),
    });
  });
});

/** A client of the pool with these credentials. */
function connect(init: {
  readonly keySeed: Uint8Array;
  readonly grant: Uint8Array | null;
  readonly poolKey?: string | null;
}) {
  const addresses = [pool.site('a').access];
  return connectAccess({ poolKey: null, addresses, ...init }, AbortSignal.timeout(ANSWER_MS));
}

/** Hands in a job with somebody's profile, past everything that `pam` looks at before. */
async function submitAs(profileFile: string, recordId: string): Promise<void> {
  const { key, grant } = loadProfile(profileFile);
  const client = await connect({ keySeed: key.reveal(), grant });
  try {
    await client.submit({ kind: 'tunnel', recordId }, AbortSignal.timeout(ANSWER_MS));
  } finally {
    await client.stop();
  }
}
