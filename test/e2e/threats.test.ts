/** What each attacker of `src/THREATS.md` cannot do, where no other test shows it: one real instance, and somebody who wants more than is theirs. */

import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, renameSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AccessClient, connectAccess } from '../../src/access/client/index.ts';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import { parseKeyId } from '../../src/base/ids.ts';
import { loadGatewayConfig, loadProfile, saveProfile } from '../../src/config/index.ts';
import { encode } from '../../src/wire/codec.ts';
import { drainCommandSeal } from '../../src/wire/drain-command.ts';
import { type Limit, limitSeal } from '../../src/wire/limit.ts';
import { directCodec, gossipCodec, jobNewsSeal } from '../../src/wire/mesh-message.ts';
import { type TargetRecord, targetRecordSeal } from '../../src/wire/record.ts';
import { seal } from '../../src/wire/sealed.ts';
import { Random } from '../simulator/random.ts';
import { untilAgreed } from './harness/agreement.ts';
import type { Instance } from './harness/instance.ts';
import type { Pool } from './harness/pool.ts';
import { runCommand } from './harness/program.ts';
import { addRecord, untilRecordHeld } from './harness/records.ts';
import { filesWith, formsOf } from './harness/search-files.ts';
import { useSharedPools } from './harness/shared-pool.ts';
import { Tunnel } from './harness/tunnel.ts';
import { needs, until } from './harness/until.ts';
import { tellLies } from './targets/attackers.ts';
import { dialEcho, roundTrip } from './targets/socket.ts';
import { echo, startTarget, type Target } from './targets/target.ts';
import { startWiretap } from './targets/wiretap.ts';

const formPool = useSharedPools();
const ANSWER_MS = 20_000;
const SEED = Number(process.env['PAM_TEST_SEED'] ?? 2026);

let pool: Pool;
let target: Target;
let record: string;
let alice: string;

beforeAll(async () => {
  target = await startTarget(echo);
  pool = await formPool({ instances: 1 });
  record = await addRecord(pool, 'web-1', target);
  await untilRecordHeld(pool, ['a'], 'web-1');
  alice = join(pool.folder, 'alice.json');
  await pool.pam(['grant', 'new', '--name', 'alice', '--out', alice, '--allow', 'tunnel:web-1']);
});
afterAll(() => target.stop());

const instance = (): Instance => {
  const last = pool.started.filter(({ name, isRunning }) => name === 'a' && isRunning).at(-1);
  if (last === undefined) throw new Error('a does not run');
  return last;
};

/** A client of the instance with somebody's profile. */
async function clientOf(profileFile: string): Promise<AccessClient> {
  const { key, grant, poolKey } = loadProfile(profileFile);
  const init = { keySeed: key.reveal(), grant, addresses: [pool.site('a').access], poolKey };
  return connectAccess(init, AbortSignal.timeout(ANSWER_MS));
}

async function limitOf(): Promise<number> {
  return (await instance().ask({ kind: 'policy' })).version;
}

/** A limit and a record that look right but for who signed them. */
function forgeries(signer = keyPairFromSeed(new Uint8Array(randomBytes(32)))) {
  const limit: Limit = {
    gatewayUid: pool.uid,
    maxInstances: 9,
    version: 99,
    issuedUnixMs: Date.now(),
    expiresUnixMs: null,
  };
  const stolen: TargetRecord = {
    gatewayUid: pool.uid,
    recordId: record,
    revision: 99,
    deleted: false,
    type: 'machine',
    title: 'web-1',
    host: '127.0.0.1',
    port: 1,
    protocol: 'tcp',
    user: null,
    parentId: null,
    labels: [],
    changedUnixMs: Date.now(),
  };
  return { limit: seal(limitSeal, limit, [signer]), record: seal(targetRecordSeal, stolen, [signer]) };
}

describe('an outsider', () => {
  it('who listens on the wire reads nothing of a session, and opens nothing by playing it again', async () => {
    const tap = await startWiretap(pool.site('a').access);
    const profileFile = join(pool.folder, 'tapped.json');
    saveProfile(profileFile, { ...loadProfile(alice), addresses: [tap.address] });
    const tunnel = await Tunnel.start({ pool, record: 'web-1', profileFile });
    const marker = randomBytes(24).toString('hex');
    const socket = await dialEcho(tunnel.port, marker);
    socket.destroy();
    await tunnel.stop();
    const wire = Buffer.concat([...tap.sent.flat(), ...tap.received]);
    expect(wire.length).toBeGreaterThan(4000);
    for (const secret of [marker, 'web-1', 'alice', record]) expect(wire.includes(secret), secret).toBe(false);
    const before = target.accepted();
    const [host, port] = pool.site('a').access.split(':');
    for (const chunks of tap.sent) {
      const again = connect({ host, port: Number(port) });
      again.end(Buffer.concat(chunks));
      const closed = new Promise((resolve) => again.on('error', resolve).on('close', resolve));
      again.resume();
      await closed;
    }
    await tap.stop();
    expect(target.accepted()).toBe(before);
  });
});

describe('a user', () => {
  it('changes a thousand grants, limits and records, none of which is accepted', { timeout: 120_000 }, async () => {
    const random = new Random(SEED);
    const change = (sealed: Uint8Array): Uint8Array => {
      const changed = sealed.slice();
      const at = random.below(changed.length);
      changed[at] = (changed[at] ?? 0) ^ (1 + random.below(255));
      return random.chance(100) ? changed.subarray(0, random.below(changed.length)) : changed;
    };
    const [user, admin] = await Promise.all([clientOf(alice), clientOf(pool.profileFile)]);
    const grant = loadProfile(alice).grant ?? new Uint8Array();
    const real = forgeries(keyPairFromSeed(pool.profile().key.reveal()));
    const accepted: string[] = [];
    const offer = async (what: string, offered: Promise<unknown>): Promise<void> => {
      const refusal = await offered.then(
        () => null,
        (error: unknown) => error,
      );
      if (refusal === null) accepted.push(what);
    };
    const soon = () => AbortSignal.timeout(ANSWER_MS);
    for (let round = 0; round < 50; round++) {
      await Promise.all([
        ...Array.from({ length: 8 }, () =>
          offer('grant', user.request({ kind: 'hello', grant: change(grant) }, 'welcome', soon())),
        ),
        ...Array.from({ length: 6 }, () =>
          offer('limit', admin.request({ kind: 'offer-limit', sealed: change(real.limit) }, 'done', soon())),
        ),
        ...Array.from({ length: 6 }, () =>
          offer('record', admin.request({ kind: 'offer-record', sealed: change(real.record) }, 'done', soon())),
        ),
      ]);
    }
    expect(accepted, `seed ${SEED}`).toEqual([]);
    await user.request({ kind: 'hello', grant }, 'welcome', soon());
    await Promise.all([user.stop(), admin.stop()]);
    expect(await limitOf()).toBe(1);
    const denied = await pool.pam([
      'audit',
      'search',
      '--kind',
      'denied',
      '--kind',
      'more-of',
      '--since',
      '5m',
      '--json',
    ]);
    expect(JSON.parse(denied.stdout).entries.length).toBeGreaterThan(5);
  });
});

describe('the holder of a stolen configuration', () => {
  it('gets no seat beyond the limit and cannot change what admins have signed', async () => {
    const thief = pool.start('thief', { args: ['--peer', pool.site('a').mesh] });
    expect(await thief.untilEnded(60_000)).toMatchObject({
      code: 3,
      lastLine: expect.stringContaining('Maximum instances reached: 1 of 1'),
    });
    const { poolSecret, uid } = loadGatewayConfig({ kind: 'file', path: pool.configFile });
    const { limit, record: stolen } = forgeries();
    await tellLies({ secret: poolSecret.reveal(), gatewayUid: uid, address: pool.site('a').mesh }, () => ({
      direct: [{ kind: 'limit', sealed: limit } as const, { kind: 'records-batch', sealed: [stolen] } as const].map(
        (message) => encode(directCodec, message),
      ),
      gossip: [{ kind: 'limit', sealed: limit } as const, { kind: 'record', sealed: stolen } as const].map((message) =>
        encode(gossipCodec, message),
      ),
    }));
    const asOutsider = connectAccess(
      { keySeed: new Uint8Array(randomBytes(32)), grant: null, addresses: [pool.site('a').access], poolKey: null },
      AbortSignal.timeout(ANSWER_MS),
    );
    await expect(asOutsider).rejects.toMatchObject({ code: 'not-allowed' });
    expect(await limitOf()).toBe(1);
    const shown = JSON.parse((await pool.pam(['record', 'show', record, '--json'])).stdout);
    expect(shown).toMatchObject({ port: target.port, revision: 1 });
    expect(await pool.gateway('a', ['health-check'])).toMatchObject({ code: 0 });
  });

  it('who takes a free seat is seen by everybody, and stays in the audit', async () => {
    const client = await clientOf(pool.profileFile);
    await client.stop();
    expect(await pool.pam(['gateway', 'set-max-instances', '-g', pool.uid, '-m', '2'])).toMatchObject({ code: 0 });
    const thief = pool.start('thief', { args: ['--peer', pool.site('a').mesh] });
    await untilAgreed([instance(), thief], { holders: ['a', 'thief'] });
    const id = await thief.id();
    const { stdout } = await pool.pam(['gateway', 'list', '-v']);
    expect(stdout).toContain(id);
    await thief.kill();
    await until('the audit names it', { within: ANSWER_MS }, async () => {
      const found = await pool.pam(['audit', 'search', '--kind', 'member-met', '--text', id, '--json']);
      needs(found.stdout.includes(id), found.stderr);
    });
  });
});

describe('a hostile instance', () => {
  it('cannot speak for another one', async () => {
    const { poolSecret, uid } = loadGatewayConfig({ kind: 'file', path: pool.configFile });
    const other = instance();
    const victim = parseKeyId(await other.id());
    if (victim === undefined) throw new Error('no id');
    const before = await other.ask({ kind: 'members' });
    const liar = keyPairFromSeed(new Uint8Array(randomBytes(32)));
    const drain = { gatewayUid: uid, instanceId: victim, expiresUnixMs: Date.now() + 60_000 };
    const command = seal(drainCommandSeal, drain, [liar]);
    const news = seal(jobNewsSeal, { teller: victim, notices: [] }, [liar]);
    await tellLies({ secret: poolSecret.reveal(), gatewayUid: uid, address: pool.site('a').mesh }, () => ({
      direct: [encode(directCodec, { kind: 'drain', command })],
      gossip: [encode(gossipCodec, { kind: 'jobs', sealed: news })],
    }));
    await until('the lie is in the audit', { within: ANSWER_MS }, async () => {
      const found = await pool.pam(['audit', 'search', '--kind', 'message-refused', '--since', '5m', '--json']);
      needs(JSON.parse(found.stdout).entries.length > 0, found.stdout);
    });
    const after = await other.ask({ kind: 'members' });
    const self = (report: typeof after) => report.members.find(({ instanceId }) => instanceId === victim);
    expect(self(after)).toMatchObject({ state: 'admitted', joinedAt: self(before)?.joinedAt });
  });
});

describe('a stolen disk', () => {
  it('without the configuration is of no use to another pool', async () => {
    const copy = join(pool.folder, 'stolen');
    cpSync(pool.dataDir('a'), copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    const other = await formPool({ instances: 1 });
    const started = other.start('stolen', { dataDir: copy, args: ['--peer', pool.site('a').mesh] });
    expect(await started.untilEnded(60_000)).toMatchObject({
      code: 2,
      lastLine: expect.stringMatching(/configuration of that gateway|belongs to gateway/),
    });
    const { poolSecret } = JSON.parse(readFileSync(pool.configFile, 'utf8'));
    expect(filesWith(copy, formsOf(Buffer.from(poolSecret, 'base64')))).toEqual([]);
  });
});

describe('an admin key that is lost', () => {
  it('stops nobody: instances start again and users go on', async () => {
    renameSync(pool.profileFile, `${pool.profileFile}.lost`);
    try {
      await instance().stop();
      const again = pool.start('a');
      await again.untilLogged('admitted', { within: 60_000 });
      const tunnel = await Tunnel.start({ pool, record: 'web-1', profileFile: alice });
      const socket = await dialEcho(tunnel.port, 'without any admin');
      await roundTrip(socket, 'and again');
      socket.destroy();
      await tunnel.stop();
      const asUser = { PAM_PROFILE: alice, HOME: pool.folder };
      const raised = await runCommand({
        program: 'pam',
        args: ['gateway', 'set-max-instances', '-g', pool.uid, '-m', '9'],
        env: asUser,
      });
      expect(raised).toMatchObject({ code: 4 });
    } finally {
      renameSync(`${pool.profileFile}.lost`, pool.profileFile);
    }
  });
});
